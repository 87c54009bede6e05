"""Download one file in parts: the bytes so far and the version of the remote file that they belong to."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from medmultipoints.data_lake.http.request import (
    content_range,
    differing,
    note_of,
    read_note,
    request,
    validators_of,
    write_note,
)
from medmultipoints.data_lake.http.retries import Refused, Transient
from medmultipoints.transforms.errors import MachineError

if TYPE_CHECKING:
    import httpx2

Progress = Callable[[int, int | None], None]
UNSTATED = 64 << 30
"""The most bytes of a file whose size is in neither the response nor the catalogue."""


class Download:
    """The download of ``url`` to ``target``; ``expected`` is the size that the catalogue knows.

    ``part`` is the hidden unfinished file; ``continued``: its bytes come from more than one response.
    """

    def __init__(self, url: str, target: Path, expected: int | None) -> None:
        self.url, self.target, self.expected = url, target, expected
        self.part, self.continued = target.with_name(f".{target.name}.part"), False

    @property
    def size(self) -> int:
        """The number of bytes received so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    def discard(self) -> None:
        """Remove the unfinished file and its note."""
        self.part.unlink(missing_ok=True)
        note_of(self.target).unlink(missing_ok=True)
        self.continued = False

    def request(self, progress: Progress, timeout: float) -> None:
        """Append the result of one request: the rest of the same version, else the whole file from the start.

        Transient if the connection breaks; received bytes are kept. MachineError if the disk is too small.
        """
        have, known = self.size, read_note(self.target, self.url).if_range
        headers = {"Range": f"bytes={have}-", "If-Range": known} if have and known else {}
        with request(self.url, headers, timeout) as response:
            total = self._begin(response, have)
            if response.status_code != 416:
                self._receive(response, total, progress)
        if total is not None and self.size != total:
            raise Transient(f"the connection ended after {self.size:,} of {total:,} bytes")

    def _begin(self, response: "httpx2.Response", have: int) -> int | None:
        """Return the size of the whole file, if stated; empty the part unless the response continues it."""
        known, new = read_note(self.target, self.url), validators_of(response)
        if response.status_code == 200:
            self.discard()
            write_note(self.target, self.url, new)
            return new.bytes
        first, total = content_range(response) or (None, None)
        follows = first == have if response.status_code == 206 else total == have
        if not follows or differing(known, new):
            self.discard()
            raise Transient("the server sent other bytes than were asked for; starting again")
        self.continued = True
        return total

    def _receive(self, response: "httpx2.Response", total: int | None, progress: Progress) -> None:
        expected = total or self.expected
        self._check_room(expected)
        limit = total if total is not None else 2 * expected if expected else UNSTATED
        with self.part.open("ab") as file:
            for chunk in response.iter_raw():
                if file.tell() + len(chunk) > limit:
                    self.discard()
                    raise Refused(f"the server sends more than the {limit:,} bytes that this file may have")
                file.write(chunk)
                progress(file.tell(), expected)

    def _check_room(self, total: int | None) -> None:
        missing, free = (total or 0) - self.size, shutil.disk_usage(self.part.parent).free
        if missing > free:
            raise MachineError(
                f"{self.part.parent}: {missing >> 20:,} MiB are still to come, but only {free >> 20:,} MiB are free. "
                "Free space, or choose another folder with --lake, then run again: what has come is kept."
            )
