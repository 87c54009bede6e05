"""Define the files of a release: names, sizes and hashes."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from medmultipoints.data_lake.store.hashing import file_sha256

DIALECT_PREFIX = "instructions_"
MADE = ("predictions", "proposals", "descriptions")
"""Tables that models made, which a release holds apart: name of the declared table, of its folder and of its config."""
PARQUET_FILE = re.compile(
    rf"(?P<table>data|images|objects|instructions|{'|'.join(MADE)}|{DIALECT_PREFIX}[a-z0-9.-]+)/(?P<split>[a-z][a-z0-9_]*)-\d{{5}}-of-\d{{5}}\.parquet"
)
INSTRUCTIONS_FILE = re.compile(r"(?P<table>instructions)/(?P<split>[a-z][a-z0-9_]*)\.jsonl")
IMAGE_FILE = re.compile(r"images/[0-9a-f]{64}\.(jpg|png)")


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One file of a release: path relative to the release folder with forward slashes, size, sha256."""

    path: str
    bytes: int
    sha256: str


class HashingFile:
    """A file being written whose size and sha256 are known when it closes, without reading it back."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Append the bytes and update the hash."""
        with memoryview(data) as view:
            self._file.write(view)
            self._sha256.update(view)
            self.size += view.nbytes
            return view.nbytes

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def __enter__(self) -> "HashingFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def entry(self, name: str) -> FileEntry:
        """Return the entry of the finished file, with its path in the release."""
        return FileEntry(name, self.size, self._sha256.hexdigest())


def write_bytes(path: Path, data: bytes, *, name: str | None = None) -> FileEntry:
    """Write a small file at once and return its entry."""
    with HashingFile(path) as file:
        file.write(data)
    return file.entry(name or path.name)


def hash_file(path: Path, name: str) -> FileEntry:
    """Return the entry of a file on disk."""
    return FileEntry(name, path.stat().st_size, file_sha256(path))


def shard_path(table: str, split: str, index: int = 0, total: int = 1) -> str:
    """Return the path of one Parquet file of a table: ``<table>/<split>-NNNNN-of-NNNNN.parquet``, counted from 0."""
    return f"{table}/{split}-{index:05d}-of-{total:05d}.parquet"


def image_extension(data: bytes) -> str | None:
    """Return ``jpg`` or ``png`` by the first bytes of the file, None for any other format."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    return "png" if data.startswith(b"\x89PNG\r\n\x1a\n") else None
