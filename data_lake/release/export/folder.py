"""The folder of an export: it appears whole or not at all, and takes the place of nothing but the same export."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.transforms.errors import MachineError, UsageError

MARK = "export.json"


@contextmanager
def export_folder(to: Path, manifest: Manifest, splits: Sequence[str], dialect: str | None = None) -> Iterator[Path]:
    """A new folder, which becomes ``to`` when the block ends well.

    UsageError where ``to`` is a file, lies in a release, or holds anything but an earlier export of the same release,
    dialect and splits (or fewer); MachineError for the disk.
    """
    to = to.absolute()
    _refuse_other(to, manifest, splits, dialect)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
    except OSError as error:
        raise MachineError(f"the export folder {to} cannot be made: {error}. Choose another one.") from error
    try:
        yield unfinished
        unfinished.chmod(0o755)  # made for this user alone
        _replace(to, unfinished)
    except OSError as error:
        raise MachineError(f"the export folder {to} cannot be written: {error}. Choose another one.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


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
    if not same or not set(mark.get("splits", ())) <= set(splits):
        told = f"{mark.get('release')} {mark.get('version')}, {mark.get('dialect') or 'as plain files'}"
        raise UsageError(
            f"--to {to}: holds another export ({told}, {' and '.join(mark.get('splits', ()))}). "
            "Choose another folder, or delete that one."
        )


def read_mark(folder: Path) -> dict[str, Any] | None:
    """What an export says of itself; None for every other folder."""
    try:
        mark = orjson.loads((folder / MARK).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return mark if isinstance(mark, dict) else None


def _replace(to: Path, unfinished: Path) -> None:
    """Put the new folder where the earlier one stands; UsageError where that one holds files of somebody else."""
    strangers = sorted(_files(to) - _files(unfinished))
    if strangers:
        raise UsageError(
            f"--to {to}: holds {strangers[0]}, which is no part of this export and would be lost. "
            "Choose another folder."
        )
    if not to.exists():
        unfinished.rename(to)
        return
    earlier = unfinished.with_name(f"{unfinished.name}.earlier")
    to.rename(earlier)
    unfinished.rename(to)
    shutil.rmtree(earlier)


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
