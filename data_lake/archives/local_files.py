"""List the files of a path from the user: an archive, or a folder of archives and files."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from medmultipoints.transforms.errors import MachineError, UsageError


def local_files(path: Path) -> list[tuple[str, Path]]:
    """Return the file itself, or all files below a folder except hidden ones, by relative POSIX path, sorted.

    Links are followed as long as they stay inside the folder. UsageError for a link that leads out of the folder or is
    broken, for a pipe, socket or device, and for a name that is not UTF-8, which no table can hold. MachineError for a
    folder that cannot be listed: none is skipped.
    """
    try:
        return _list_files(path)
    except OSError as error:
        text = f"{error.filename or path}: {error.strerror or error}"
        raise MachineError(f"{path}: {text}. Allow reading it, or move it elsewhere, then run again.") from error


def _list_files(path: Path) -> list[tuple[str, Path]]:
    if not path.is_dir():
        _check_regular(path, path)
        return [(path.name, path)]
    found = list(_walk(path))
    for file in found:
        _check_regular(file, path)
    named = sorted((file.relative_to(path).as_posix(), file) for file in found)
    for name, _ in named:
        if name != os.fsencode(name).decode("utf-8", "replace"):
            raise UsageError(f"{path}: the file name {name!r} is not valid UTF-8. Rename the file, then run again.")
    return named


def _walk(path: Path) -> Iterator[Path]:
    """Yield the files below a folder except hidden ones. Raise OSError for a folder that cannot be listed."""
    root, seen = path.resolve(), {path.resolve()}
    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=_refuse):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and _is_new(here / name, seen)]
        shown = [here / name for name in names if not name.startswith(".")]
        for one in (*(here / name for name in subfolders), *shown):
            if one.is_symlink() and not one.resolve().is_relative_to(root):
                raise UsageError(f"{path}: {one} is a link to {one.resolve()}, outside the folder. Put the file there.")
        yield from shown


def _refuse(error: OSError) -> NoReturn:
    raise error


def _check_regular(file: Path, path: Path) -> None:
    """Raise UsageError unless the path is a regular file; a pipe or device is never opened."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError as error:
        raise UsageError(f"{path}: {file} is a broken link. Remove it, then run again.") from error
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise UsageError(f"{path}: {file} is {kind}, not a file. Remove it, then run again.")


def _is_new(folder: Path, seen: set[Path]) -> bool:
    """Return whether a folder has not been walked yet, because links may form a loop."""
    resolved = folder.resolve()
    new = resolved not in seen
    seen.add(resolved)
    return new


def unreadable(source: str, path: Path, error: OSError) -> MachineError:
    """Return the error for a file that the operating system refuses to read."""
    file = error.filename or path
    return MachineError(f"{source}: {file}: {error.strerror or error}. Check that the file is there and readable.")
