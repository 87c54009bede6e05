"""The files of a path that a person gave: an archive, or a folder of archives and files."""

import os
from pathlib import Path

from medmultipoints.transforms.errors import MachineError, UsageError


def local_files(path: Path) -> list[tuple[str, Path]]:
    """The file itself, or all files below a folder but hidden ones, with their posix paths below it, sorted.

    UsageError for a name that is not UTF-8: it could stand in no table.
    """
    if not path.is_dir():
        return [(path.name, path)]
    found, seen = [], {path.resolve()}
    for folder, subfolders, names in os.walk(path, followlinks=True):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and _is_new(here / name, seen)]
        found += [here / name for name in names if not name.startswith(".")]
    named = sorted((file.relative_to(path).as_posix(), file) for file in found)
    for name, _ in named:
        if name != os.fsencode(name).decode("utf-8", "replace"):
            raise UsageError(f"{path}: the file name {name!r} is not valid UTF-8. Rename the file, then run again.")
    return named


def _is_new(folder: Path, seen: set[Path]) -> bool:
    """Whether a folder has not been walked yet: links may lead in circles."""
    resolved = folder.resolve()
    new = resolved not in seen
    seen.add(resolved)
    return new


def unreadable(source: str, path: Path, error: OSError) -> MachineError:
    """The operating system's refusal to read, with the file it concerns."""
    file = error.filename or path
    return MachineError(f"{source}: {file}: {error.strerror or error}. Check that the file is there and readable.")
