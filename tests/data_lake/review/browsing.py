"""Requests as a browser sends them, and as others would."""

from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import orjson


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running desk."""

    port: int
    token: str

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """The answer to a request of the page; ``headers`` replace those that it would send, None leaves one out."""
        sent: dict[str, str | None] = {
            "host": f"127.0.0.1:{self.port}",
            "cookie": f"mm_review_{self.port}={self.token}",
            "content_type": "application/json" if body is not None else None,
        } | headers
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        found = connection.getresponse()
        answer = Answer(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read())
        connection.close()
        return answer

    def get(self, path: str, **headers: str | None) -> Answer:
        """The answer to a GET."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: bytes, **headers: str | None) -> Answer:
        """The answer to a POST."""
        return self.ask("POST", path, body, **headers)
