"""Bytes of a file from a place on, for thousands of reads from few archives."""

import os
import weakref
from functools import lru_cache
from pathlib import Path

MOST_OPEN = 64
State = tuple[int, int, int, int]


class _Descriptor:
    """A file that is open for reading as long as anybody refers to it."""

    def __init__(self, path: str) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.number)


def read_at(path: Path, offset: int, count: int) -> bytes:
    """Return so many bytes, fewer where the file ends before; OSError where it cannot be read.

    The file stays open for later calls until it changes or is replaced. Threads may read at once. Opening it each time
    takes twice as long, and gives up Python's lock six times in place of twice.
    """
    found = path.stat()
    opened = _opened(str(path), (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))
    data = os.pread(opened.number, count, offset)
    while len(data) < min(count, found.st_size - offset):  # a signal, or more than the system reads at once
        more = os.pread(opened.number, count - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


@lru_cache(maxsize=MOST_OPEN)
def _opened(path: str, _state: State) -> _Descriptor:
    return _Descriptor(path)
