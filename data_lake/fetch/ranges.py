"""A remote file that is read piece by piece with HTTP ranges, so that one member of a large zip can be had alone."""

import io
from typing import TYPE_CHECKING

from medmultipoints.data_lake.fetch.http_response import Refused, Transient
from medmultipoints.data_lake.fetch.transport import PATIENCE, Patience, persist, request
from medmultipoints.data_lake.fetch.validators import Validators
from medmultipoints.transforms.errors import MachineError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD = 1 << 20


def open_remote(url: str, remedy: str, patience: Patience = PATIENCE) -> io.BufferedReader:
    """A seekable file over ``url``; each request brings at least 1 MiB, so that small reads are cheap.

    MachineError, ending in ``remedy``, where the server is out of reach, has no ranges, or changes the file.
    """
    return io.BufferedReader(_RemoteFile(url, remedy, patience), READ_AHEAD)


def version_of(remote: io.BufferedReader) -> Validators:
    """What the server said of the file that ``open_remote`` opened."""
    assert isinstance(remote.raw, _RemoteFile)
    return remote.raw.version


class _RemoteFile(io.RawIOBase):
    def __init__(self, url: str, remedy: str, patience: Patience) -> None:
        self._url, self._remedy, self._patience = url, remedy, patience
        self._position, self._size = 0, 0
        self.version = Validators()
        self._fetch(0, 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        stop = min(self._position + len(view), self._size)
        if stop <= self._position:
            return 0
        content = self._fetch(self._position, stop)
        view[: len(content)] = content
        self._position = stop
        return len(content)

    def _fetch(self, start: int, stop: int) -> bytes:
        return persist(lambda: self._ask(start, stop), lambda: 0, self._patience, self._failed)

    def _ask(self, start: int, stop: int) -> bytes:
        with request(self._url, {"Range": f"bytes={start}-{stop - 1}"}, self._patience.timeout) as reply:
            if reply.status != 206 or reply.content_range is None:
                raise Refused("the server does not give parts of a file (it ignores HTTP Range)")
            first, size = reply.content_range
            self._check_version(size, reply.validators)
            # Only as much as was asked for: a server that sends more must not fill the memory.
            content = bytearray()
            for chunk in reply.body:
                content += chunk
                if len(content) >= stop - start:
                    break
        if first != start or len(content) != stop - start:
            raise Transient(f"asked for bytes {start}-{stop - 1}, got {len(content)} from {first}")
        return bytes(content)

    def _check_version(self, size: int, version: Validators) -> None:
        if self._size and (self._size, self.version.if_range) != (size, version.if_range):
            raise Refused("the file changed on the server while it was read; run again")
        self.version, self._size = version, size

    def _failed(self, problem: str) -> MachineError:
        return MachineError(f"{self._url}: {problem}. {self._remedy}")
