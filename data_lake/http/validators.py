"""Compare versions of a remote file, and keep its validators in a hidden note next to the downloaded file."""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag, Last-Modified and size in bytes of the whole file; None for what the server does not send."""

    etag: str | None = None
    last_modified: str | None = None
    bytes: int | None = None

    @property
    def if_range(self) -> str | None:
        """The If-Range value for this version: a strong ETag, else the last modification date."""
        return self.etag if self.etag and self.etag.startswith('"') else self.last_modified

    def __str__(self) -> str:
        size = None if self.bytes is None else f"{self.bytes:,} bytes"
        named = (self.etag and f"ETag {self.etag}", self.last_modified and f"last modified {self.last_modified}")
        return ", ".join(filter(None, (*named, size))) or "nothing"


def differing(old: Validators, new: Validators) -> bool | None:
    """Return whether two responses are about different bytes; None if they have no common validator.

    Dates count only if there is no ETag to compare; a different size always counts. Weak ETags are compared like strong
    ones, because proxies weaken them.
    """
    pairs = [(_opaque(old.etag), _opaque(new.etag)), (old.last_modified, new.last_modified)]
    known = [one != other for one, other in pairs if one and other][:1]
    if old.bytes is not None and new.bytes is not None:
        known.append(old.bytes != new.bytes)
    return any(known) if known else None


def _opaque(etag: str | None) -> str | None:
    return etag and etag.removeprefix("W/")


def note_of(file: Path) -> Path:
    """Return the path of the note about a file, finished or not."""
    return file.with_name(f".{file.name}.server.json")


def write_note(file: Path, url: str, validators: Validators) -> None:
    """Save the server's validators of a file."""
    note_of(file).write_bytes(orjson.dumps({"url": url, **asdict(validators)}))


def read_note(file: Path, url: str) -> Validators:
    """Return the validators of a file; empty if the note is missing, damaged or about another address."""
    try:
        stated = orjson.loads(note_of(file).read_bytes())
        return Validators(**stated) if stated.pop("url") == url else Validators()
    except (FileNotFoundError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return Validators()
