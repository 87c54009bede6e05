"""Hash files with sha256, once per process as long as a file does not change."""

import hashlib
import os
import time
from pathlib import Path

SETTLED_NS = 100_000_000
"""A file that changed less long ago may change again without another time of its last change."""

_State = tuple[int, int, int, int, int]
_known: dict[_State, str] = {}


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's content, in hex; an unchanged file is read once, under all its names."""
    state = _state(path.stat())
    if state not in _known:
        found = hash_content(path, "sha256")
        remember_sha256(path, found)
        return found
    return _known[state]


def hash_content(path: Path, algorithm: str) -> str:
    """Return the hash of a file's content by any algorithm, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def remember_sha256(path: Path, sha256: str) -> None:
    """Remember the sha256 of a file that was just read, for ``file_sha256``."""
    found = path.stat()
    if time.time_ns() - found.st_ctime_ns > SETTLED_NS:
        _known[_state(found)] = sha256


def _state(found: os.stat_result) -> _State:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
