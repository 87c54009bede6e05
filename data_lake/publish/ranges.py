"""A file of the Hub that is read in ranges."""

import io
from collections.abc import Callable
from typing import BinaryIO


class RangedFile(io.RawIOBase):
    """The client's file, each of whose reads goes through ``ask``: asked again where that may help, else explained."""

    def __init__(self, file: BinaryIO, ask: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._file, self._ask = file, ask

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """The next bytes of the file; a read that fails moves nothing, so that it can be made again."""
        data = self._ask(lambda: self._file.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)
