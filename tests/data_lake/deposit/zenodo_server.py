"""A server on this machine that speaks the part of Zenodo's API that a deposit needs, by its documentation.

Drafts are created, described, filled through a bucket and published; what is published cannot be changed; a new version
takes the files of the one before over. https://developers.zenodo.org
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "a-token"
REQUIRED = ("title", "upload_type", "description", "creators")
Row = dict[str, Any]


class Archive(ThreadingHTTPServer):
    """The state: depositions by number, the files of each by name; ``faults`` are answers to give before others."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.depositions: dict[int, Row] = {}
        self.files: dict[int, dict[str, bytes]] = {}
        self.faults: list[int] = []
        self.asked: list[str] = []
        self.damage = b""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def create(self, files: dict[str, bytes], metadata: Row) -> Row:
        number = 100 + len(self.depositions)
        own = f"{self.address}/api/deposit/depositions/{number}"
        row = {
            "id": number,
            "submitted": False,
            "state": "unsubmitted",
            "metadata": metadata | {"prereserve_doi": {"doi": f"10.5072/zenodo.{number}", "recid": number}},
            "links": {
                "self": own,
                "bucket": f"{self.address}/api/files/bucket-{number}",
                "publish": f"{own}/actions/publish",
                "html": f"{self.address}/deposit/{number}",
            },
        }
        self.depositions[number], self.files[number] = row, dict(files)
        return row


class _Handler(BaseHTTPRequestHandler):
    server: Archive

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, content: Any = None) -> None:
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.faults:
            self._answer(self.server.faults.pop(0))
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"message": "The server could not verify that you are authorized."})
            return
        parts = urlsplit(self.path)
        words = [unquote(word) for word in parts.path.strip("/").split("/")]
        if words[:2] == ["api", "files"]:
            self._put_file(int(words[2].rpartition("-")[2]), words[3], body)
        elif words[3:]:
            self._one(int(words[3]), words[4:], body)
        elif self.command == "GET":
            asked = parse_qs(parts.query)
            size, page = (int(asked[name][0]) for name in ("size", "page"))
            self._answer(200, list(self.server.depositions.values())[size * (page - 1) : size * page])
        else:
            self._answer(201, self.server.create({}, {}))

    def __getattr__(self, name: str) -> Any:
        if name in ("do_GET", "do_PUT", "do_POST", "do_DELETE"):
            return self._handle
        raise AttributeError(name)

    def _put_file(self, number: int, name: str, body: bytes) -> None:
        if self.server.depositions[number]["submitted"]:
            self._answer(403, {"message": "Bucket is locked."})
            return
        self.server.files[number][name] = body + self.server.damage
        self._answer(201, {"key": name, "checksum": f"md5:{hashlib.md5(body).hexdigest()}", "size": len(body)})

    def _one(self, number: int, rest: list[str], body: bytes) -> None:
        row, files = self.server.depositions[number], self.server.files[number]
        if rest == ["files"]:
            listed = [
                {"id": f"{number}-{name}", "filename": name, "checksum": hashlib.md5(data).hexdigest()}
                for name, data in files.items()
            ]
            self._answer(200, listed)
        elif rest[:1] == ["files"]:
            del files[rest[1].partition("-")[2]]
            self._answer(204)
        elif rest == ["actions", "newversion"]:
            metadata = {name: value for name, value in row["metadata"].items() if name not in ("doi", "prereserve_doi")}
            draft = self.server.create(files, metadata)
            self._answer(201, row | {"links": row["links"] | {"latest_draft": draft["links"]["self"]}})
        elif rest == ["actions", "publish"]:
            self._publish(row, files)
        elif self.command == "PUT":
            self._describe(row, json.loads(body)["metadata"])
        else:
            self._answer(200, row)

    def _describe(self, row: Row, metadata: Row) -> None:
        errors = [
            {"field": f"metadata.{name}", "message": "Missing data"} for name in REQUIRED if not metadata.get(name)
        ]
        if row["submitted"]:
            self._answer(403, {"message": "Cannot edit a published deposit."})
        elif errors:
            self._answer(400, {"message": "Validation error.", "status": 400, "errors": errors})
        else:
            row["metadata"] = metadata | {"prereserve_doi": row["metadata"]["prereserve_doi"]}
            self._answer(200, row)

    def _publish(self, row: Row, files: dict[str, bytes]) -> None:
        if not files:
            self._answer(400, {"message": "Validation error.", "errors": [{"field": "files", "message": "None."}]})
            return
        row |= {"submitted": True, "state": "done", "doi": row["metadata"]["prereserve_doi"]["doi"]}
        self._answer(202, row)


@contextmanager
def archive() -> Iterator[Archive]:
    """A server that runs as long as the block."""
    server = Archive()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
