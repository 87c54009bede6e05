"""Define the folders below the lake's root."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from medmultipoints.data_lake.store.remote import ENDPOINT, address, is_remote
from medmultipoints.data_lake.store.temporary import temporary_name
from medmultipoints.transforms.errors import LockHeld, MachineError

CACHE = "LAKE_CACHE"
PAGE = "report.html"
"""The page of a release, in its folder below ``Lake.reports``."""


TOO_LARGE = "A file is larger than this process may write: raise the limit on file sizes (`ulimit -f`), then run again"


@dataclass(frozen=True, slots=True)
class Lake:
    """The folders of one lake; nothing outside ``root`` is ever written.

    A lake in an object store has its address as ``remote``; ``root`` is then the cache of this machine, and another
    machine that works on the lake uses its own.
    """

    root: Path
    remote: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (Lake, (self.root,)) if self.remote is None else (lake_at, (self.remote,))

    @property
    def landing(self) -> Path:
        """Downloaded archives, one folder a source."""
        return self.root / "landing"

    @property
    def scratch(self) -> Path:
        """Nested archives, unpacked once to plain tars; safe to delete."""
        return self.root / "scratch"

    @property
    def objects(self) -> Path:
        """Every finished file by the sha256 of its content."""
        return self.root / "objects"

    @property
    def receipts(self) -> Path:
        """One small file per finished piece of work, with its outputs."""
        return self.root / "receipts"

    @property
    def releases(self) -> Path:
        """releases/<name>/<version>/: immutable once placed."""
        return self.root / "releases"

    @property
    def runs(self) -> Path:
        """One JSON file per run: times, counts, outcome. Never part of a release."""
        return self.root / "runs"

    @property
    def temporary(self) -> Path:
        """Files being written; the next run removes those of an interrupted one."""
        return self.root / "tmp"

    @property
    def prefect(self) -> Path:
        """Homes of Prefect servers: one folder a release name for builds, and ``serve``."""
        return self.root / "prefect"

    @property
    def reports(self) -> Path:
        """reports/<name>/<version>/: pages about a release, replaceable and never part of it."""
        return self.root / "reports"


def lake_at(where: Path | str) -> Lake:
    """Return the lake in a folder, or at an address such as s3://bucket/lake with its cache in LAKE_CACHE.

    Each address at each endpoint has its own cache, in a folder named by the hash of both.
    """
    if not is_remote(str(where)):
        return Lake(Path(where).expanduser().absolute())
    remote = address(str(where))
    caches = Path(os.environ.get(CACHE, "~/.cache/medmultipoints")).expanduser().absolute()
    known = hashlib.sha256(f"{os.environ.get(ENDPOINT, '')} {remote}".encode()).hexdigest()[:8]
    return Lake(caches / f"{remote.removeprefix('s3://').replace('/', '_')}-{known}", remote)


def new_temporary(lake: Lake) -> Path:
    """Return a new temporary path for this process, on the lake's own disk."""
    return lake.temporary / temporary_name()


def open_lake(root: Path | str) -> Lake:
    """Return the lake at ``root``, created if missing; MachineError if the folder cannot be written."""
    lake = lake_at(root)
    with explained(f"the lake folder {lake.root}"):
        for folder in (lake.landing, lake.scratch, lake.objects, lake.receipts, lake.runs, lake.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        probe = new_temporary(lake)
        probe.touch()
        probe.unlink(missing_ok=True)
    return lake


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn errors of the operating system into a MachineError with a remedy."""
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: "The disk is full: free space or choose another folder with --lake, then run again; "
            "finished work is kept",
            errno.EDQUOT: "The disk quota is used up: free space or choose another folder with --lake",
            errno.EFBIG: TOO_LARGE,
            errno.EACCES: "It is not writable: change its permissions or choose another folder with --lake",
            errno.EPERM: "It is not writable: change its permissions or choose another folder with --lake",
            errno.EROFS: "It is on a read-only file system: choose another folder with --lake",
            errno.ENOTDIR: "A file is in the place of a folder: choose another folder with --lake",
            errno.EEXIST: "A file is in the place of a folder: choose another folder with --lake",
        }
        if error.errno not in remedies:
            raise
        text = os.strerror(error.errno)  # libraries replace the text of the error
        raise MachineError(f"{what}: {text} ({error.filename or what}). {remedies[error.errno]}.") from error


def another_build(name: str, lake: Path) -> str:
    """Return the message about a build of the same release that is running."""
    return f"another build of '{name}' is running in {lake}. Wait for it to end, or use another --lake."


@contextmanager
def only_builder(lake: Lake, name: str) -> Iterator[None]:
    """Lock one release name; the operating system frees the lock if the process dies."""
    lock = FileLock(lake.releases / name / ".lock")
    try:
        with explained(f"the lake folder {lake.root}"), only_collector(lake, seconds=5):
            lake.releases.joinpath(name).mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
    except Timeout:
        raise LockHeld(another_build(name, lake.root)) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def only_collector(lake: Lake, seconds: float = 0) -> Iterator[None]:
    """Lock the lake against ``lake gc``, or as ``lake gc`` against new builds; wait up to ``seconds`` for the lock."""
    lock = FileLock(lake.temporary.with_name(".collecting"))
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise LockHeld(f"`lake gc` is running in {lake.root}, or a build is just starting. Run again.") from None
    try:
        yield
    finally:
        lock.release()
