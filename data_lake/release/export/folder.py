"""Write an export folder atomically; it replaces only an earlier export of the same content."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.data_lake.store.temporary import replaced_folder
from medmultipoints.transforms.errors import MachineError, UsageError

MARK = "export.json"


@contextmanager
def export_folder(to: Path, manifest: Manifest, splits: Sequence[str], dialect: str | None = None) -> Iterator[Path]:
    """Provide a new folder, which is renamed to ``to`` if the block succeeds; an earlier export stays until then.

    UsageError if ``to`` is a file, lies in a release, or holds anything but an earlier export of the same release,
    dialect and splits (or fewer); MachineError for disk errors.
    """
    to = to.absolute()
    _refuse_other(to, manifest, splits, dialect)
    try:
        with replaced_folder(to) as unfinished:
            yield unfinished
            _refuse_foreign_files(to, unfinished)
    except OSError as error:
        raise MachineError(f"the export folder {to} cannot be written: {error}. Choose another one.") from error


def _refuse_other(to: Path, manifest: Manifest, splits: Sequence[str], dialect: str | None) -> None:
    for folder in (to.resolve(), *to.resolve().parents):
        if (folder / MANIFEST).is_file():
            raise UsageError(f"--to {to}: lies in the release {folder}, which stays as it is. Choose another folder.")
    if to.exists() and not to.is_dir():
        raise UsageError(f"--to {to}: is a file. Choose a folder.")
    if not to.is_dir() or not any(to.iterdir()):
        return
    mark = read_mark(to)
    if not mark:
        raise UsageError(f"--to {to}: the folder is not empty and not an export. Choose an empty or a new folder.")
    same = (mark.get("root"), mark.get("dialect")) == (manifest.manifest_root, dialect)
    if not same or not set(mark["splits"]) <= set(splits):
        found = f"{mark.get('release')} {mark.get('version')}, {mark.get('dialect') or 'as plain files'}"
        raise UsageError(
            f"--to {to}: holds another export ({found}, {' and '.join(mark['splits'])}). "
            "Choose another folder, or delete that one."
        )


def write_mark(
    folder: Path, manifest: Manifest, splits: Sequence[str], dialect: str | None = None, **more: Any
) -> None:
    """Write the description of an export: its release, its dialect, its splits, and more facts about it."""
    mark = {"release": manifest.name, "version": manifest.version, "root": manifest.manifest_root}
    mark |= {"dialect": dialect} if dialect else {}
    data = orjson.dumps({**mark, "splits": splits, **more}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (folder / MARK).write_bytes(data)


def read_mark(folder: Path) -> dict[str, Any] | None:
    """Return the description in an export folder; None for any other folder."""
    try:
        mark = orjson.loads((folder / MARK).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    splits = mark.get("splits") if isinstance(mark, dict) else None
    return mark if isinstance(splits, list) and all(isinstance(one, str) for one in splits) else None


def _refuse_foreign_files(to: Path, unfinished: Path) -> None:
    """Raise UsageError if the earlier export contains other files."""
    foreign = sorted(_files(to) - _files(unfinished))
    if foreign:
        raise UsageError(
            f"--to {to}: holds {foreign[0]}, which is not part of this export and would be lost. Choose another folder."
        )


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
