"""Read a remote file in HTTP ranges: one member of a large zip without the rest."""

import io
from typing import TYPE_CHECKING

from medmultipoints.data_lake.http.request import Validators, content_range, differing, request, validators_of
from medmultipoints.data_lake.http.retries import DEFAULT, Refused, RetryPolicy, Transient, persist
from medmultipoints.transforms.errors import MachineError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD = 1 << 20


class RemoteFile(io.RawIOBase):
    """A seekable file over a URL; ``version`` holds the server's validators.

    MachineError, ending in ``remedy``, if the server is unreachable, has no ranges, or changes the file.
    """

    def __init__(self, url: str, remedy: str, policy: RetryPolicy = DEFAULT) -> None:
        self._url, self._remedy, self._policy = url, remedy, policy
        self._position, self.version = 0, Validators()
        self._fetch(0, 1)

    def buffered(self) -> io.BufferedReader:
        """Return a buffered file that requests at least 1 MiB, so that small reads are cheap."""
        return io.BufferedReader(self, READ_AHEAD)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.version.bytes or 0}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        stop = min(self._position + len(view), self.version.bytes or 0)
        content = self._fetch(self._position, stop) if stop > self._position else b""
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _fetch(self, start: int, stop: int) -> bytes:
        def failed(problem: str) -> MachineError:
            return MachineError(f"{self._url}: {problem}. {self._remedy}")

        return persist(lambda: self._request(start, stop), self._policy, failed)

    def _request(self, start: int, stop: int) -> bytes:
        with request(self._url, {"Range": f"bytes={start}-{stop - 1}"}, self._policy.timeout) as response:
            first, size = content_range(response) or (None, 0)
            if response.status_code != 206 or not size:
                raise Refused("the server does not send parts of a file (it ignores HTTP Range)")
            if differing(self.version, new := validators_of(response)):
                raise Refused("the file changed on the server while it was read; run again")
            self.version, content = new, bytearray()
            for chunk in response.iter_raw():
                content += chunk
                if len(content) >= stop - start:  # a server that sends too much must not fill the memory
                    break
        if first != start or len(content) != stop - start:
            raise Transient(f"asked for bytes {start}-{stop - 1}, got {len(content)} from {first}")
        return bytes(content)
