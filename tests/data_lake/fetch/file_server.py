"""A real HTTP(S) server on the loopback interface that serves bytes, and misbehaves when told to."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from re import fullmatch
from threading import Thread


@dataclass
class FileServer:
    """``faults`` are used up one a request: an int is a status to answer, ``drop`` cuts the body in half.

    ``swap`` does that, too, and then another content has the same name: with the same validators, or with new ones
    that the server does not look at (``swap_tag``). ``endless`` bodies have no stated size and no end.

    HEAD is answered with the status ``head``; an empty ``etag`` or ``last_modified`` is not sent, nor are sizes to HEAD
    without ``sizes``. ``methods`` are those that were used.
    """

    files: dict[str, bytes]
    url: str = ""
    ranges: bool = True
    etag: str = '"v1"'
    last_modified: str = ""
    head: int = 200
    sizes: bool = True
    endless: bool = False
    deaf: bool = False
    redirect_to: str = ""
    faults: list[int | str] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    sent: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    server: "_Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        pass

    def do_HEAD(self) -> None:
        state = self.server.state
        state.methods.append("HEAD")
        content = state.files.get(self.path.partition("?")[0])
        self.send_response(404 if content is None else state.head)
        size = {"Content-Length": str(len(content or b""))} if state.sizes else {}
        for name, value in {**self._validators(), **size}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        state = self.server.state
        state.methods.append("GET")
        state.asked.append(self.headers.get("Range"))
        fault = state.faults.pop(0) if state.faults else None
        content = state.files.get(self.path.partition("?")[0])
        if state.redirect_to:
            self._answer(302, b"", {"Location": state.redirect_to})
            return
        if isinstance(fault, int):
            self._answer(fault, b"", {"Retry-After": "0"})
            return
        if content is None:
            self._answer(404, b"")
            return
        if state.endless:
            self._send_endlessly()
            return
        self._send(content, fault in ("drop", "swap", "swap_tag"))
        if fault in ("swap", "swap_tag"):
            state.files[self.path.partition("?")[0]] = content[::-1]
            state.deaf = True
            state.etag = '"v2"' if fault == "swap_tag" else state.etag

    def _send_endlessly(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b"400\r\n" + bytes(1024) + b"\r\n")

    def _send(self, content: bytes, drop: bool) -> None:
        state = self.server.state
        asked = fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        unchanged = state.deaf or self.headers.get("If-Range") in (None, state.etag)
        headers = self._validators()
        if not (asked and state.ranges and unchanged):
            self._answer(200, content, headers, drop)
            return
        start, stop = int(asked[1]), min(int(asked[2] or len(content)) + 1, len(content))
        if start >= len(content):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        self._answer(206, content[start:stop], headers, drop)

    def _validators(self) -> dict[str, str]:
        state = self.server.state
        return {
            name: value for name, value in {"ETag": state.etag, "Last-Modified": state.last_modified}.items() if value
        }

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, drop: bool = False) -> None:
        cut = body[: len(body) // 2] if drop else body
        self.server.state.sent += len(cut)  # before the client can know of the answer
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(cut)
        self.close_connection = drop


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    state: FileServer


@contextmanager
def serve(files: dict[str, bytes], certificate: tuple[Path, Path] | None = None) -> Iterator[FileServer]:
    """A running server; over TLS where a certificate and its key are given."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        server.state = FileServer(files, f"{scheme}://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.state
        finally:
            server.shutdown()
            thread.join()
