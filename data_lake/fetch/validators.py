"""What a server says of one version of a file, and the note that keeps it beside the file in the landing folder.

Notes are hidden files: they are no part of a source, and of no release.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag, Last-Modified and the size in bytes of the whole file; None for what the server does not say."""

    etag: str | None = None
    last_modified: str | None = None
    bytes: int | None = None

    @property
    def if_range(self) -> str | None:
        """What names this version of the file in If-Range: a strong ETag, else the date of the last change."""
        return self.etag if self.etag and self.etag.startswith('"') else self.last_modified

    def __str__(self) -> str:
        parts = [
            self.etag and f"ETag {self.etag}",
            self.last_modified and f"last modified {self.last_modified}",
            None if self.bytes is None else f"{self.bytes:,} bytes",
        ]
        return ", ".join(filter(None, parts)) or "nothing"


def differing(old: Validators, new: Validators) -> bool | None:
    """Whether two answers are about different bytes; None where they have nothing in common that tells.

    Dates count only where there is no ETag to compare; a size that differs always does. A weak ETag is compared like
    a strong one: servers weaken them on the way.
    """
    pairs = [(_opaque(old.etag), _opaque(new.etag)), (old.last_modified, new.last_modified)]
    named = next(((one, other) for one, other in pairs if one and other), None)
    sized = (old.bytes, new.bytes) if old.bytes is not None and new.bytes is not None else None
    known = [one != other for one, other in filter(None, (named, sized))]
    return any(known) if known else None


def _opaque(etag: str | None) -> str | None:
    return etag and etag.removeprefix("W/")


def note_of(file: Path) -> Path:
    """Where the note about a downloaded file lies."""
    return file.with_name(f".{file.name}.server.json")


def write_note(note: Path, url: str, validators: Validators) -> None:
    """Keep what the server at ``url`` said."""
    note.write_bytes(orjson.dumps({"url": url, **asdict(validators)}))


def read_note(note: Path, url: str) -> Validators | None:
    """What was said; None where there is no note, where it is damaged, or about another address."""
    try:
        kept = orjson.loads(note.read_bytes())
        return Validators(**kept) if kept.pop("url") == url else None
    except (FileNotFoundError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return None
