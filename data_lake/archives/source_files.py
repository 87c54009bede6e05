"""Read the files of one source: in zips, in tars inside zips, in tars, or loose in a folder.

Nothing is unpacked except compressed tars, each of which becomes one plain tar in the scratch folder.
"""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import BinaryIO

from medmultipoints.data_lake.archives import tars, video, zips
from medmultipoints.data_lake.archives.copies import Held, without_copies
from medmultipoints.data_lake.archives.entries import LIMITS, Limits, Origin, check_sum, plain_name
from medmultipoints.data_lake.archives.local_files import local_files, unreadable
from medmultipoints.transforms.errors import MemberProblem, SourceDataError, UsageError
from medmultipoints.transforms.records import VideoFacts

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
CHUNK = 1 << 20
_COMPARED = 10_000
"""Paths among which the most similar one is sought for a message."""


@dataclass(frozen=True, slots=True)
class LooseEntry:
    """A loose file in the source's folder."""

    name: str
    file: Path


Rename = Callable[[str], str]
Entry = zips.ZipEntry | tars.TarEntry | LooseEntry


@dataclass(slots=True)
class Unpacking:
    """Unpacks the compressed tars of a source and counts their bytes; ``given``: size of the source itself."""

    scratch: Path
    given: int
    limits: Limits = LIMITS
    done: int = 0

    def unpack(self, chunks: Callable[[], Iterable[bytes]], origin: Origin) -> Path:
        """Return the unpacked tar; SourceDataError if all of them together are a zip bomb."""
        plain = tars.unpacked(chunks, self.scratch, origin)
        self.done += plain.stat().st_size
        check_sum(self.done, self.given, origin, self.limits)
        return plain


class SourceFiles:
    """The members of one source, as ``transforms.records.Members`` declares them.

    Each read opens the archive again: any number of threads may read at once, and nothing needs closing. Pickling keeps
    only the path, and ``rename``; the source is opened again, once per process, on the other side.
    """

    def __init__(
        self, source: str, path: Path, scratch: Path, entries: Iterable[Entry], rename: Rename | None = None
    ) -> None:
        self.source, self.path, self.scratch, self._rename = source, path, scratch, rename
        ordered = sorted(entries, key=lambda entry: entry.name)
        self._names = tuple(entry.name for entry in ordered)
        # The first of equal names wins. The sort is stable, so the order of archives and entries decides.
        self._entries = {entry.name: entry for entry in reversed(ordered)}

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self.source, self.path, self.scratch, self._rename)

    def renamed(self, rename: Rename) -> "SourceFiles":
        """Return the same members under other paths; ``rename`` keeps distinct paths distinct."""
        entries = [replace(self._entries[name], name=rename(name)) for name in self._names]
        return SourceFiles(self.source, self.path, self.scratch, entries, rename)

    def _entry(self, name: str) -> Entry:
        """Return the entry of a member. Raise SourceDataError with the most similar path for a missing one."""
        if name not in self._entries:
            near = get_close_matches(name, self._names[:_COMPARED], n=1, cutoff=0)
            remedy = f"The most similar path is {near[0]!r}." if near else "The source has no files."
            raise SourceDataError(self.source, str(self.path), f"no file {name!r} in the source", remedy)
        return self._entries[name]

    def names(self) -> tuple[str, ...]:
        """Return all member paths, sorted; a path that occurs twice is listed twice."""
        return self._names

    def read(self, name: str) -> bytes:
        """Return the content of one member, checked; MemberProblem if it is damaged."""
        try:
            return _read(self._entry(name))
        except OSError as error:
            raise unreadable(self.source, self.path, error) from error

    def open(self, name: str) -> BinaryIO:
        """Open one member for reading from its start; reads raise MemberProblem if it is damaged."""
        entry = self._entry(name)
        try:
            match entry:
                case zips.ZipEntry():
                    return io.BufferedReader(tars.ChunkReader(zips.stream_entry(entry)), CHUNK)
                case tars.TarEntry():
                    return io.BytesIO(tars.read_entry(entry))
                case LooseEntry():
                    return entry.file.open("rb")
        except OSError as error:
            raise unreadable(self.source, self.path, error) from error

    def head(self, name: str, count: int) -> bytes:
        """Return the first ``count`` bytes of one member, fewer if it is shorter."""
        with self.open(name) as opened:
            return opened.read(count)

    def tail(self, name: str, count: int) -> bytes | None:
        """Return the last ``count`` bytes of a loose file; None for a member of an archive, which is packed."""
        entry = self._entry(name)
        if not isinstance(entry, LooseEntry):
            return None
        try:
            with entry.file.open("rb", buffering=0) as opened:
                opened.seek(max(0, opened.seek(0, os.SEEK_END) - count))
                return opened.read(count)
        except OSError as error:
            raise unreadable(self.source, self.path, error) from error

    def video_facts(self, name: str) -> VideoFacts:
        """Return the frame count, rate and size of a video member; MemberProblem if it cannot be read."""
        return video.video_facts(self.read(name), name)


def open_source(source: str, path: Path | str, scratch: Path | str) -> SourceFiles:
    """Open the files of a source: an archive, or a folder of archives and files under their official names.

    Member paths are those inside the zips; a tar's entries are in the tar's folder (``kvasir-instrument/
    images.tar.gz`` gives ``kvasir-instrument/images/...``); loose files have their path below the folder.
    Hidden files are ignored. Opened once a process as long as no file changes its size or time.
    UsageError for a missing path, SourceDataError for damage, encryption, unsafe entries and bombs,
    MachineError where the machine refuses.
    """
    path = Path(path).expanduser().absolute()
    if not path.exists():
        raise UsageError(f"source {source}={path}: no such file or folder. Give the path of an archive or a folder.")
    try:
        state = tuple(_state(file) for file in local_files(path))
        with _opening:
            return _open(source, path, Path(scratch).absolute(), state)
    except OSError as error:
        raise unreadable(source, path, error) from error


def _reopen(source: str, path: Path, scratch: Path, rename: Rename | None) -> SourceFiles:
    files = open_source(source, path, scratch)
    return files.renamed(rename) if rename else files


_opening = Lock()


@lru_cache(maxsize=16)
def _open(source: str, path: Path, scratch: Path, state: tuple[tuple[str, int, int], ...]) -> SourceFiles:
    if not state:
        raise SourceDataError(source, str(path), "the folder has no files", "Put the source's files or archives there.")
    room = Unpacking(scratch, sum(size for _, size, _ in state))
    held = [
        Held(entry, str(file), isinstance(entry, LooseEntry))
        for name, file in local_files(path)
        for entry in _entries(source, path, name, file, room)
    ]
    return SourceFiles(source, path, scratch, without_copies(source, held, _size, _read))


def _size(entry: Entry) -> int:
    return entry.file.stat().st_size if isinstance(entry, LooseEntry) else entry.size


def _read(entry: Entry) -> bytes:
    match entry:
        case zips.ZipEntry():
            return zips.read_entry(entry)
        case tars.TarEntry():
            return tars.read_entry(entry)
        case LooseEntry():
            return entry.file.read_bytes()


def _state(named: tuple[str, Path]) -> tuple[str, int, int]:
    facts = named[1].stat()
    return named[0], facts.st_size, facts.st_mtime_ns


def _entries(source: str, path: Path, name: str, file: Path, room: Unpacking) -> Iterator[Entry]:
    origin = Origin(source, str(file))
    only_file = file == path
    if name.lower().endswith(".zip") or (only_file and zipfile.is_zipfile(file)):
        for entry in zips.zip_entries(file, origin):
            yield from _nested(entry, origin, room) if _is_tar(entry.name) else (entry,)
    elif _is_tar(name) or (only_file and tarfile.is_tarfile(file)):
        yield from _in_folder_of(name, _top_level(file, origin, room))
    else:
        yield LooseEntry(plain_name(name), file)


def _is_tar(name: str) -> bool:
    return name.lower().endswith(TAR_SUFFIXES)


def _top_level(file: Path, origin: Origin, room: Unpacking) -> list[tars.TarEntry]:
    with file.open("rb") as opened:
        packed = opened.read(2) == tars.GZIP_MAGIC
    plain = room.unpack(lambda: _file_chunks(file), origin) if packed else file
    return tars.tar_entries(plain, origin)


def _nested(entry: zips.ZipEntry, origin: Origin, room: Unpacking) -> Iterator[tars.TarEntry]:
    inside = Origin(origin.source, f"{origin.file}/{entry.name}")
    try:
        plain = room.unpack(lambda: zips.stream_entry(entry), inside)
    except MemberProblem as problem:
        raise origin.refuse(problem.detail) from problem
    yield from _in_folder_of(entry.name, tars.tar_entries(plain, inside))


def _in_folder_of(name: str, entries: Iterable[tars.TarEntry]) -> Iterator[tars.TarEntry]:
    folder = PurePosixPath(name).parent
    for entry in entries:
        yield tars.TarEntry(plain_name(str(folder / entry.name)), entry.archive, entry.offset, entry.size)


def _file_chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk
