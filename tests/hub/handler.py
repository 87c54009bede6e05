"""HTTP: requests in, replies out, faults in between, one line of log each."""

from __future__ import annotations

import json
import re
import secrets
import socket
import sys
import time
import traceback
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.hub.faults import Fault
from tests.hub.replies import HubError, Reply
from tests.hub.state import Hub, Request

Route = Callable[[Request], Reply]
PIECE = 1 << 20


class Handler(BaseHTTPRequestHandler):
    """One connection; ``hub`` and ``route`` are set on the subclass that a listener uses."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; a client would wait 40 ms for the second
    hub: Hub
    route: Route

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Nothing on standard error: the log is kept in memory."""

    def read_body(self) -> bytes:
        """The whole body, read once."""
        if self._body is None:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                self._body = b"".join(self._chunks())
            else:
                self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return self._body

    def _chunks(self) -> list[bytes]:
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return pieces

    def handle_request(self) -> None:
        """Answer one request; an error of this test Hub is a 500 with a traceback on standard error."""
        self._body: bytes | None = None
        self._consumed = False
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        entry = {"method": self.command, "path": url.path, "query": query, "status": 0, "bytes": 0}
        entry["host"] = self.server.server_address[0]
        control = url.path.startswith("/_test/") or url.path == "/healthz"
        if not control:
            self.hub.log.append(entry)  # there before the client has its answer
        entry["bytes"] = int(self.headers.get("Content-Length") or 0)
        request = Request(self.hub, self.command, url.path, query, self.headers, self.read_body, self.rfile)
        fault = None if control else self.hub.faults.take(self.command, url.path)
        try:
            self._answer(request, fault, entry)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            if self._body:
                entry["bytes"] = len(self._body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_request  # noqa: N815

    def _answer(self, request: Request, fault: Fault | None, entry: dict[str, object]) -> None:
        reply = None
        if fault is None or fault.after or fault.passes:
            if fault and fault.delay is not None and not fault.after:
                time.sleep(fault.delay)
            reply = self._routed(request)
        if self.command in ("POST", "PUT", "DELETE") and not self._consumed:
            self.read_body()
        if fault and fault.delay is not None and fault.after:
            time.sleep(fault.delay)
        elif fault and not fault.passes:
            if fault.status is None:
                entry["status"] = "dropped"
                self._drop()
                return
            reply = HubError(fault.status, "injected fault").reply()
            reply.headers |= fault.headers
        assert reply is not None
        entry["status"] = reply.status
        if self._consumed and reply.status >= 400:
            self.close_connection = True  # part of the body may be unread
        self._send(reply, fault)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _routed(self, request: Request) -> Reply:
        try:
            return type(self).route(request)
        except HubError as error:
            return error.reply()
        except (json.JSONDecodeError, KeyError) as error:
            return HubError(400, f"bad request body: {error!r}").reply()
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of this test Hub, never of the caller
            traceback.print_exc(file=sys.stderr)
            return HubError(500, f"internal: {error}").reply()
        finally:
            # a PUT of a large file is read from the stream by its route
            self._consumed = request.path.startswith("/lfs/") and request.method == "PUT" and request.has_length()

    def _send(self, reply: Reply, fault: Fault | None = None) -> None:
        start, stop, status = 0, len(reply.body), reply.status
        headers = dict(reply.headers)
        if reply.file is not None:
            size = reply.file.stat().st_size
            span = _range("" if fault and fault.whole else self.headers.get("Range", ""), size)
            if span is None:
                self._send(Reply(416, headers={"Content-Range": f"bytes */{size}"}))
                return
            start, stop = span
            if (start, stop) != (0, size):
                status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{size}"
            headers["Accept-Ranges"] = "bytes"
        self.send_response(status)
        common = {"Content-Type": reply.content_type, "Content-Length": str(stop - start)}
        common["X-Request-Id"] = f"Root=1-{secrets.token_hex(12)}"
        for name, value in (common | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            cut = fault.cut if fault else None
            self._send_body(reply, start, stop if cut is None else min(stop, start + cut))
            if cut is not None:
                self._drop()

    def _send_body(self, reply: Reply, start: int, stop: int) -> None:
        if reply.file is None:
            self.wfile.write(reply.body[start:stop])
            return
        with reply.file.open("rb") as file:
            file.seek(start)
            left = stop - start
            while left > 0 and (data := file.read(min(PIECE, left))):
                self.wfile.write(data)
                left -= len(data)


def _range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and end of what a Range header asks for; None where there is no such byte."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if not found:
        return 0, size
    if found[1] == "":
        return max(0, size - int(found[2])), size
    start = int(found[1])
    stop = min(int(found[2]) + 1 if found[2] else size, size)
    return (start, stop) if start < stop else None
