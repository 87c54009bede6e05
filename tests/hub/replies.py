"""What a route answers, and the errors of the Hub as exceptions."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"


@dataclass
class Reply:
    """Status, body and headers; ``file`` instead of a body for large content, which may be asked for in ranges."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    file: Path | None = None


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A reply whose body is the value as JSON."""
    return Reply(status, json.dumps(value).encode(), headers or {})


class HubError(Exception):
    """An answer that refuses; ``code`` goes into the header X-Error-Code, which decides the client's exception."""

    def __init__(self, status: int, message: str, code: str | None = None, **extra: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.extra = status, message, code, extra

    def reply(self) -> Reply:
        """The refusal as the Hub words it: in the body and in headers."""
        text = self.message.encode("ascii", "replace").decode().replace("\n", " ")
        headers = {"X-Error-Message": text} | ({"X-Error-Code": self.code} if self.code else {})
        return as_json({"error": self.message, **self.extra}, self.status, headers)


def no_repo(anonymous: bool) -> HubError:
    return HubError(401 if anonymous else 404, "Repository not found", "RepoNotFound")


def no_revision(revision: str) -> HubError:
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(path: str) -> HubError:
    return HubError(404, f"Entry not found: {path}", "EntryNotFound")


def now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def iso(text: str) -> str:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def truthy(value: Any) -> bool:
    return str(value).lower() in ("1", "true", "yes")
