"""Check archive entries before any of their bytes are read: names, sizes and counts."""

import unicodedata
from dataclasses import dataclass, replace

from medmultipoints.transforms.errors import SourceDataError


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits beyond which an archive counts as a zip bomb; ``max_ratio`` applies from ``ratio_from_bytes`` on.

    All nested archives of a source together may unpack to ``max_sum_ratio`` times the size of the source's own files,
    and always to ``sum_from_bytes``.
    """

    max_entry_bytes: int = 8 << 30
    max_entries: int = 2_000_000
    max_ratio: int = 1000
    ratio_from_bytes: int = 10 << 20
    max_sum_ratio: int = 50
    sum_from_bytes: int = 16 << 30


LIMITS = Limits()
_TEXT = (".txt", ".json", ".csv", ".xml", ".toml", ".yaml", ".yml", ".jsonl", ".ndjson", ".md")
_PICTURES = (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".webp")
_OF_KIND: tuple[tuple[tuple[str, ...], int, int], ...] = ((_TEXT, 2 << 30, 100), (_PICTURES, 512 << 20, 1000))
"""By kind of entry: the largest size in bytes, and how many times its packed size it may have."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The source and the file that error messages name."""

    source: str
    file: str

    def refuse(self, problem: str, remedy: str = "Get the official archive again") -> SourceDataError:
        return SourceDataError(self.source, self.file, problem, f"{remedy}.")


def safe_name(raw: str, origin: Origin) -> str:
    """Return the entry's path as ``plain_name`` writes it; refuse it if it is empty or leads out of a folder."""
    path = raw.replace("\\", "/")
    parts = _parts(path)
    if not parts:
        raise origin.refuse(f"an entry has the empty name {raw!r}", "Pack the archive again")
    if path.startswith("/") or ".." in parts or raw[1:2] == ":" or "\0" in raw:
        raise origin.refuse(f"unsafe path of entry {raw!r}")
    if not raw.isascii() and any("\ud800" <= character <= "\udfff" for character in raw):
        raise origin.refuse(f"the name of entry {raw!r} is not valid text", "Pack the archive again with UTF-8 names")
    return unicodedata.normalize("NFC", "/".join(parts))


def plain_name(raw: str) -> str:
    """Return a relative path with ``/`` separators, without ``.`` and empty parts, in Unicode NFC.

    Archives made on Windows may use backslashes; those made on macOS may use decomposed letters.
    """
    return unicodedata.normalize("NFC", "/".join(_parts(raw.replace("\\", "/"))))


def _parts(path: str) -> list[str]:
    """Return the parts of a path; ``PurePosixPath`` takes four times as long, a third of opening an archive."""
    return [part for part in path.split("/") if part not in ("", ".")]


def check_size(name: str, size: int, compressed: int, origin: Origin, limits: Limits = LIMITS) -> None:
    """Refuse an entry that is too large to read or is a zip bomb."""
    if size > limits.max_entry_bytes:
        raise origin.refuse(f"entry {name!r} is {size:,} bytes, more than the {limits.max_entry_bytes:,} allowed")
    ratio = limits.max_ratio
    for endings, most, of_kind in _OF_KIND:
        if name.lower().endswith(endings):
            if size > most:
                raise origin.refuse(f"entry {name!r} is {size:,} bytes, more than the {most:,} allowed for its kind")
            ratio = min(ratio, of_kind)
    if size > limits.ratio_from_bytes:
        check_ratio(name, size, compressed, origin, replace(limits, max_ratio=ratio))


def check_ratio(name: str, size: int, compressed: int, origin: Origin, limits: Limits = LIMITS) -> None:
    """Refuse content whose unpacked size is suspiciously large for its packed size."""
    if size > limits.ratio_from_bytes and size > limits.max_ratio * max(compressed, 1):
        raise origin.refuse(f"entry {name!r} unpacks from {compressed:,} to {size:,} bytes: a decompression bomb")


def check_sum(unpacked: int, given: int, origin: Origin, limits: Limits = LIMITS) -> None:
    """Refuse nested archives whose total unpacked size is suspiciously large for the source."""
    if unpacked > max(limits.sum_from_bytes, limits.max_sum_ratio * given):
        raise origin.refuse(f"its nested archives unpack to {unpacked:,} bytes and more: decompression bombs")


def check_count(count: int, origin: Origin, limits: Limits = LIMITS) -> None:
    """Refuse an archive with too many entries."""
    if count > limits.max_entries:
        raise origin.refuse(f"it has {count:,} entries, more than the {limits.max_entries:,} allowed")
