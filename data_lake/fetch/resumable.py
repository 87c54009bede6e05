"""A download on its way: the bytes so far, and which version of the remote file they are from."""

import shutil
from collections.abc import Callable
from pathlib import Path

from medmultipoints.data_lake.fetch.http_response import Reply, Transient
from medmultipoints.data_lake.fetch.transport import request
from medmultipoints.data_lake.fetch.validators import Validators, read_note, write_note
from medmultipoints.transforms.errors import MachineError


class PartialFile:
    """The first bytes of a remote file; beside them, the validators with which the server knows its version."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self._note = path.with_name(f"{path.name}.json")

    @property
    def size(self) -> int:
        """The number of bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validators(self) -> Validators:
        """What the server said when the first byte came."""
        return read_note(self._note, self.url) or Validators()

    def restart(self, validators: Validators) -> None:
        """Forget the bytes; those that follow are from the version that ``validators`` name."""
        self.discard()
        write_note(self._note, self.url, validators)

    def discard(self) -> None:
        """Remove the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def download(
    part: PartialFile, expected: int | None, progress: Callable[[int, int | None], None], timeout: float
) -> None:
    """Complete the file by one request, from where it stops if that is safe, else from the start.

    Transient where the connection breaks: what has come is kept. MachineError where the disk is too small.
    """
    have, version = part.size, part.validators.if_range
    headers = {"Range": f"bytes={have}-", "If-Range": version} if have and version else {}
    with request(part.url, headers, timeout) as reply:
        if reply.status == 416:
            if reply.unsatisfied_size != have:
                part.discard()
                raise Transient("the file on the server is shorter than what has been downloaded; starting again")
            return
        total = _total(part, reply, have)
        _check_room(part, total or expected)
        with part.path.open("ab") as file:
            for chunk in reply.body:
                file.write(chunk)
                progress(file.tell(), total or expected)
    if total is not None and part.size != total:
        raise Transient(f"the connection ended after {part.size:,} of {total:,} bytes")


def _total(part: PartialFile, reply: Reply, have: int) -> int | None:
    """The size of the whole file, if known; the part is emptied unless the reply continues it."""
    if reply.status == 206:
        if reply.content_range is None or reply.content_range[0] != have:
            part.discard()
            raise Transient("the server sent another range than it was asked for; starting again")
        return reply.content_range[1]
    part.restart(reply.validators)
    return reply.length


def _check_room(part: PartialFile, total: int | None) -> None:
    missing = (total or 0) - part.size
    free = shutil.disk_usage(part.path.parent).free
    if missing > free:
        raise MachineError(
            f"{part.path.parent}: {missing >> 20:,} MiB are still to come, but only {free >> 20:,} MiB are free. "
            "Free space, or choose another folder with --lake, then run again: what has come is kept."
        )
