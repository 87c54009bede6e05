"""What all requests share, and what one request is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tests.hub.accounts import Caller, Users, caller, open_repository
from tests.hub.blobs import BlobStore
from tests.hub.faults import Faults
from tests.hub.git_store import TYPES, GitStore


class Hub:
    """Repositories, large files and tokens below one folder; survives a restart and ``kill -9``."""

    def __init__(self, root: Path, users: Users, part: int | None = None, xet: bool = False) -> None:
        self.root = root.resolve()
        for name in ("repos", "lfs", "tmp", "cas"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.users, self.xet = users, xet
        self.store = GitStore(self.root)
        self.blobs = BlobStore(self.root, part, xet)
        self.faults = Faults([])
        self.log: list[dict[str, Any]] = []
        self.endpoint = ""

    def url(self, kind: str, name: str) -> str:
        return f"{self.endpoint}/{'' if kind == 'model' else TYPES[kind] + '/'}{name}"


@dataclass
class Request:
    """One request; ``kind``, ``name``, ``argument`` and ``rest`` come from the path where it is about a repository."""

    hub: Hub
    method: str
    path: str
    query: dict[str, str]
    headers: Any
    read_body: Callable[[], bytes]
    stream: BinaryIO
    kind: str = "dataset"
    name: str = ""
    argument: str = ""
    rest: str = ""
    known: list[Caller] = field(default_factory=list)

    @property
    def who(self) -> Caller:
        if not self.known:
            self.known.append(caller(self.hub.users, self.headers.get("Authorization", "")))
        return self.known[0]

    def json(self) -> Any:
        return json.loads(self.read_body() or b"{}")

    def repo(self, *, write: bool = False) -> Path:
        return open_repository(self.hub.store, self.who, self.kind, self.name, write=write)

    def has_length(self) -> bool:
        return self.headers.get("Content-Length") is not None
