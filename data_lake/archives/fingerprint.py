"""Identify an input by the sha256 of each of its files."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from medmultipoints.data_lake.archives.local_files import local_files, unreadable
from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.store.hashing import file_sha256, hash_content


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One input file: its name (the path below the given folder), size and hash."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SourceFingerprint:
    """All files of an input, sorted by name; ``digest`` identifies the input independently of its location."""

    path: Path
    files: tuple[FileDigest, ...]

    @property
    def digest(self) -> str:
        """The sha256 of the file list as canonical JSON."""
        listed = orjson.dumps([asdict(file) for file in self.files], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(listed).hexdigest()


def fingerprint(path: Path) -> SourceFingerprint:
    """Return the fingerprint of an archive or folder: the files that ``open_source`` reads, with their hashes.

    MachineError if a file cannot be read.
    """
    with ThreadPoolExecutor(4) as pool:
        try:
            return SourceFingerprint(path, tuple(pool.map(_digest, local_files(path))))
        except OSError as error:
            raise unreadable("source", path, error) from error


def _digest(named: tuple[str, Path]) -> FileDigest:
    name, file = named
    return FileDigest(name, file.stat().st_size, file_sha256(file))


def known(given: SourceFingerprint, info: SourceInfo) -> dict[str, bool]:
    """Return, for each input file, whether its bytes are an official file of the source under any name."""
    accepted = {sha256 for archive in info.archives for sha256 in archive.sha256}
    accepted |= {sha256 for member in info.members for sha256 in member.sha256}
    where = dict(local_files(given.path))
    return {file.name: file.sha256 in accepted or _is_older(where[file.name], info) for file in given.files}


def _is_older(file: Path, info: SourceInfo) -> bool:
    """Return whether a file matches an official one of which only the sha384 is recorded.

    The file is hashed only if it may match.
    """
    accepted = {sha384 for archive in info.archives for sha384 in archive.sha384}
    suffixes = {Path(archive.name).suffix for archive in info.archives if archive.sha384}
    return file.suffix in suffixes and hash_content(file, "sha384") in accepted
