"""Read tar archives by offset; a compressed one is unpacked once to a plain tar in the scratch folder."""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from medmultipoints.data_lake.archives.entries import (
    LIMITS,
    Limits,
    Origin,
    check_count,
    check_ratio,
    check_size,
    safe_name,
)
from medmultipoints.data_lake.archives.read_at import read_at
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.data_lake.store.layout import explained
from medmultipoints.data_lake.store.temporary import sync
from medmultipoints.transforms.errors import MachineError, MemberProblem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
FREE_AFTER_UNPACKING = 256 << 20
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One file inside a plain tar: the offset and length of its content."""

    name: str
    archive: Path
    offset: int
    size: int


def tar_entries(path: Path, origin: Origin, limits: Limits = LIMITS) -> list[TarEntry]:
    """Return the files of a plain tar in archive order, without folders; repeated names are kept.

    SourceDataError for a damaged or truncated tar, and for links, devices and unsafe paths.
    """
    entries: list[TarEntry] = []
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for count, info in enumerate(tar, 1):
                check_count(count, origin, limits)
                if not info.isdir():
                    entries.append(_entry(info, path, origin, limits))
            file.seek(tar.offset)
            # tarfile takes a damaged header for the end of the archive; the true end is a block of zeros or end of
            # file.
            if any(file.read(tarfile.BLOCKSIZE)):
                raise origin.refuse(f"damaged tar: no valid header at byte {tar.offset:,}")
    except RecursionError as error:
        raise origin.refuse("damaged tar: thousands of headers follow each other without a file") from error
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise origin.refuse(f"damaged tar: {error}") from error
    return entries


def _entry(info: tarfile.TarInfo, path: Path, origin: Origin, limits: Limits) -> TarEntry:
    name = safe_name(info.name, origin)
    if info.issym() or info.islnk():
        raise origin.refuse(f"entry {name!r} is a link to {info.linkname!r}, not a file")
    if not info.isreg() or info.issparse():
        raise origin.refuse(f"entry {name!r} is a device or another special file")
    check_size(name, info.size, info.size, origin, limits)
    return TarEntry(name, path, info.offset_data, info.size)


def read_entry(entry: TarEntry) -> bytes:
    """Return the whole content of an entry; MemberProblem if the tar was truncated after it was opened."""
    content = read_at(entry.archive, entry.offset, entry.size)
    if len(content) != entry.size:
        raise MemberProblem("member_damaged", f"{entry.name} in {entry.archive.name}: the tar ends inside it")
    return content


def unpacked(chunks: Callable[[], Iterable[bytes]], scratch: Path, origin: Origin, limits: Limits = LIMITS) -> Path:
    """Return the path of a plain tar with the content of ``chunks``, a tar that may be gzip-compressed.

    The file is written once, under the sha256 of the given bytes and its own sha256. Later calls reuse it as long as it
    has that sha256. A killed writer leaves one unfinished file that the next one overwrites.
    """
    digest = hashlib.sha256()
    for chunk in chunks():
        digest.update(chunk)
    packed = digest.hexdigest()
    with explained(f"the scratch folder {scratch}"):
        scratch.mkdir(parents=True, exist_ok=True)
        with FileLock(scratch / f"{packed}.lock"):
            return _find_unpacked(scratch, packed) or _write(chunks(), scratch, packed, origin, limits)


def _find_unpacked(scratch: Path, packed: str) -> Path | None:
    """Return the tar that was unpacked before, or None; a file that has changed since is removed."""
    for path in scratch.glob(f"{packed}.*.tar"):
        if path.name == f"{packed}.{file_sha256(path)}.tar":
            return path
        path.unlink()
    return None


def _write(chunks: Iterable[bytes], scratch: Path, packed: str, origin: Origin, limits: Limits) -> Path:
    unfinished, digest = scratch / f"{packed}.unfinished", hashlib.sha256()
    try:
        with unfinished.open("wb") as file:
            for number, chunk in enumerate(_gunzip(chunks, origin, limits)):
                if number % 64 == 0:
                    _check_room(scratch)
                digest.update(chunk)
                file.write(chunk)
        sync(unfinished)
        target = scratch / f"{packed}.{digest.hexdigest()}.tar"
        os.replace(unfinished, target)
        sync(scratch)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _check_room(folder: Path) -> None:
    if (free := shutil.disk_usage(folder).free) < FREE_AFTER_UNPACKING:
        raise MachineError(f"{folder}: only {free >> 20} MiB are left on the disk. Free space, then run again.")


def _gunzip(chunks: Iterable[bytes], origin: Origin, limits: Limits) -> Iterator[bytes]:
    """Yield the uncompressed bytes; bytes that are not gzip pass through unchanged."""
    source = ChunkReader(iter(chunks))
    reader = io.BufferedReader(source, CHUNK)
    packed = reader.peek(2).startswith(GZIP_MAGIC)
    stream = gzip.GzipFile(fileobj=reader) if packed else reader
    size = 0
    try:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            check_ratio("(the whole tar)", size, source.consumed, origin, limits)
            yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise origin.refuse(f"damaged gzip: {error}") from error


class ChunkReader(io.RawIOBase):
    """A readable file over an iterator of byte chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.consumed = 0
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        self._rest = self._rest or next((chunk for chunk in self._chunks if chunk), b"")
        view = memoryview(buffer)
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        self.consumed += len(taken)
        return len(taken)
