"""Name unfinished files and folders after the process and machine that write them.

So the files of killed processes can be found and removed, and those of running ones are kept.
"""

import ctypes
import errno
import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

FOREIGN_SECONDS = 7 * 24 * 3600
ASIDE = "-aside"
SYSTEM_PREFIX = "medmultipoints-"
AT_CWD, EXCHANGE = -100, 2  # Linux: <fcntl.h> and <linux/fs.h>
SWAP = 2  # macOS: RENAME_SWAP of <sys/stdio.h>


def temporary_name() -> str:
    """Return a new temporary name for this process."""
    return f"{os.getpid()}-{os.uname().nodename}-{uuid4().hex}"


def is_leftover(path: Path, name: str) -> bool:
    """Return whether the writer of a path is gone; ``name`` is the part made by ``temporary_name``.

    Processes of other machines are not visible: their files count as left behind after a week.
    """
    owner, _, rest = name.partition("-")
    if rest.rpartition("-")[0] == os.uname().nodename:
        return not (owner.isdecimal() and is_alive(int(owner)))
    try:
        return time.time() - path.stat().st_mtime >= FOREIGN_SECONDS
    except FileNotFoundError:
        return False


def is_alive(process: int) -> bool:
    """Return whether a process with this id runs on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # the process belongs to another user
        return True
    return True


def remove_leftovers(paths: Iterable[Path], prefix: str = "") -> None:
    """Remove paths named ``prefix`` and ``temporary_name`` whose writers are gone.

    Another process may remove them at the same time; files that cannot be removed stay.
    """
    for path in paths:
        if is_leftover(path, path.name.removeprefix(prefix)):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or folder, if it exists and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def system_temporary_folder() -> Iterator[Path]:
    """Provide a folder in the system's temporary folder; those of killed processes are removed first."""
    for path in system_leftovers():
        remove(path)
    folder = Path(tempfile.gettempdir()) / f"{SYSTEM_PREFIX}{temporary_name()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def system_leftovers() -> list[Path]:
    """Return this user's folders of ``system_temporary_folder`` that killed processes left."""
    found = Path(tempfile.gettempdir()).glob(f"{SYSTEM_PREFIX}*-*-*")
    own = (path for path in found if path.is_dir() and path.stat().st_uid == os.getuid())
    return sorted(path for path in own if is_leftover(path, path.name.removeprefix(SYSTEM_PREFIX)))


def swap_folders(one: Path, other: Path) -> bool:
    """Exchange two folders of one file system atomically; False if the system or file system cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        failed = library.renameat2(AT_CWD, names[0], AT_CWD, names[1], EXCHANGE)
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(*names, SWAP)
    else:
        return False
    if failed and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return not failed


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Provide a new folder that replaces ``target`` if the block succeeds.

    If the file system can exchange two names atomically (Linux and macOS), either the old or the new folder always
    exists. Otherwise the old one is moved aside first and restored if the new one cannot be placed. Unfinished folders
    of killed processes next to the target are removed first, and an old folder that was moved aside is restored.
    """
    prefix = f".{target.name}."
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target, prefix)
    made = target.with_name(f"{prefix}{temporary_name()}")
    made.mkdir()
    try:
        yield made
        _put(made, target, prefix)
    finally:
        remove(made)


def _recover(target: Path, prefix: str) -> None:
    left = [path for path in target.parent.glob(f"{glob.escape(prefix)}*") if path.name.endswith(ASIDE)]
    for path in left:
        if is_leftover(path, path.name.removeprefix(prefix).removesuffix(ASIDE)):
            remove(path) if target.exists() else path.rename(target)
    remove_leftovers(target.parent.glob(f"{glob.escape(prefix)}*-*-*"), prefix)


def _put(made: Path, target: Path, prefix: str) -> None:
    if not target.exists():
        made.rename(target)
    elif not swap_folders(made, target):  # else the old one is removed under the name of the new one
        aside = target.with_name(f"{prefix}{temporary_name()}{ASIDE}")
        target.rename(aside)
        try:
            made.rename(target)
        except OSError:
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file atomically, and return when it is on disk under its name."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    sync(part)
    os.replace(part, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Sync a file, or a folder's entries, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
