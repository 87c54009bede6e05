"""A server between a client and an object store that answers some requests with a fault, by a fixed seed."""

import http.client
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ACTS = ("500", "503", "drop before", "drop after", "half", "403")
DROPPED = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class FaultyStore(ThreadingHTTPServer):
    """Passes requests on; each is answered by a fault with the chance ``rate``."""

    daemon_threads = True

    def __init__(self, behind: str, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind, self.rate = urlsplit(behind).netloc, 0.0
        self.made: Counter[str] = Counter()
        self._chance, self._lock = random.Random(seed), threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def draw(self) -> str:
        """Return the fault of the next request, or an empty text."""
        with self._lock:
            act = self._chance.choice(ACTS) if self._chance.random() < self.rate else ""
            self.made[act or "sound"] += 1
            return act

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is part of the trial."""


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    server: FaultyStore

    def pass_on(self) -> None:
        body = self._read_body()
        act = self.server.draw()
        if act.isdigit():
            self._answer(int(act), {"Content-Type": "application/xml"}, b"<Error><Code>SlowDown</Code></Error>")
        elif act == "drop before":
            self._hang_up()
        else:
            self._forward(body, act)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815

    def _forward(self, body: bytes, act: str) -> None:
        store = http.client.HTTPConnection(self.server.behind, timeout=60)
        try:
            store.request(self.command, self.path, body=body, headers=dict(self.headers))
            answer = store.getresponse()
            data, headers = answer.read(), {k: v for k, v in answer.getheaders() if k.lower() not in DROPPED}
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        finally:
            store.close()
        if act == "drop after" or (act == "half" and len(data) < 2):
            self._hang_up()
        else:
            self._answer(answer.status, headers, data[: len(data) // 2] if act == "half" else data, length)
            if act == "half":
                self._hang_up()

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            del self.headers["Transfer-Encoding"]
            return b"".join(parts)
        if self.headers.get("Expect", "").lower() == "100-continue":
            del self.headers["Expect"]
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, headers: dict[str, str], data: bytes, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def faulty_store(behind: str, seed: int) -> Iterator[FaultyStore]:
    """A server in front of the store at an address."""
    server = FaultyStore(behind, seed)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
