"""Find what no release in a lake needs any more, and remove it on request.

Kept are all releases (or the newest of each name), the receipts and objects of the runs that made them and of the last
run of each recipe, and everything younger than the grace period, which an interrupted build continues from.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from medmultipoints.data_lake.release.write.manifest import MANIFEST, read_manifest
from medmultipoints.data_lake.store.layout import Lake, explained, new_temporary, only_collector
from medmultipoints.data_lake.store.objects import parse_receipt
from medmultipoints.data_lake.store.temporary import is_leftover, system_leftovers
from medmultipoints.transforms.errors import DataError, LockHeld

DAY = 86_400
MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class Garbage:
    """An unneeded file or folder, the reason, and its size."""

    path: Path
    kind: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """The retention rules: versions of each release name (None: all), run records, days of grace."""

    releases: int | None = None
    runs: int = MOST_RUNS
    days: float = 7.0


def find_garbage(lake: Lake, keep: Retention) -> list[Garbage]:
    """Return everything that may be removed, by kind and path; nothing is changed."""
    old = (
        [folder for folders in releases(lake).values() for folder in folders[: -keep.releases or None]]
        if keep.releases
        else []
    )
    before = time.time() - keep.days * DAY
    runs = read_run_files(lake)
    kept_roots = {root_of(folder) for folders in releases(lake).values() for folder in folders if folder not in old}
    needed = needed_receipts(runs, kept_roots - {None})
    receipts = {path for path in lake.receipts.glob("*/*.json") if is_old(path, before) and not is_needed(path, needed)}
    used = {entry for path in lake.receipts.glob("*/*.json") if path not in receipts for entry in objects_of(path)}
    found = [
        *(Garbage(folder, "old release", size_of(folder)) for folder in old),
        *(Garbage(path, "pages of an old release", size_of(path)) for path in reports_of(lake, old)),
        *(Garbage(path, "receipt", path.stat().st_size) for path in receipts),
        *(Garbage(path, "object", path.stat().st_size) for path in lake.objects.glob("*/*")
          if path.name not in used and is_old(path, before)),
        *(Garbage(path, "record of a run", path.stat().st_size) for path in surplus_runs(runs, keep.runs, kept_roots)),
        *(Garbage(path, "server of builds", size_of(path)) for path in homes(lake)),
        *(Garbage(path, "unfinished download", size_of(path)) for path in unfinished(lake) if is_old(path, before)),
        *(Garbage(path, "left by a killed process", size_of(path)) for path in leftovers(lake)),
        *(Garbage(path, "unpacked archive", size_of(path)) for path in lake.scratch.glob("*") if is_old(path, before)),
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.kind, one.path))


def remove(lake: Lake, garbage: list[Garbage]) -> None:
    """Remove the garbage; a folder of the lake is renamed first, so that no reader sees part of a release."""
    with explained(f"the lake folder {lake.root}"):
        for one in garbage:
            if one.path.is_dir() and not one.path.is_relative_to(lake.root):
                shutil.rmtree(one.path, ignore_errors=True)
            elif one.path.is_dir():
                hidden = new_temporary(lake)
                os.rename(one.path, hidden)
                shutil.rmtree(hidden)
            else:
                one.path.unlink(missing_ok=True)


@contextmanager
def alone(lake: Lake) -> Iterator[None]:
    """Lock the lake against builds; LockHeld if one is running."""
    with ExitStack() as held:
        held.enter_context(only_collector(lake))
        for lock in sorted(lake.releases.glob("*/.lock")):
            try:
                held.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                raise LockHeld(
                    f"a build of '{lock.parent.name}' is running in {lake.root}. Wait for it to end."
                ) from None
        yield


def releases(lake: Lake) -> dict[str, list[Path]]:
    """Return the folders of each release name, the oldest version first."""
    found: dict[str, list[Path]] = {}
    for path in lake.releases.glob(f"*/*/{MANIFEST}"):
        found.setdefault(path.parents[1].name, []).append(path.parent)
    return {name: sorted(folders, key=version_of) for name, folders in found.items()}


def version_of(folder: Path) -> tuple[int, ...]:
    """Return the version as numbers; other names sort last, so that they are kept."""
    parts = folder.name.split(".")
    return tuple(map(int, parts)) if all(map(str.isdecimal, parts)) else (1 << 62,)


def root_of(folder: Path) -> str | None:
    """Return the manifest root of a release; None if it is damaged."""
    try:
        return read_manifest(folder).manifest_root
    except DataError:
        return None


Run = tuple[Path, dict[str, object]]


def read_run_files(lake: Lake) -> list[Run]:
    """Return every run record with its path, the newest first; a damaged one counts as empty."""

    def read(path: Path) -> dict[str, object]:
        try:
            return dict(orjson.loads(path.read_bytes()))
        except (orjson.JSONDecodeError, TypeError, ValueError):
            return {}

    return [(path, read(path)) for path in sorted(lake.runs.glob("*.json"), reverse=True)]


def needed_receipts(runs: list[Run], kept_roots: set[str | None]) -> set[tuple[str, str]]:
    """Return stage and key of every receipt that a kept release or the last run of a recipe uses."""
    last: set[object] = set()
    needed: set[tuple[str, str]] = set()
    for _, run in runs:
        keys = run.get("keys")
        if not (isinstance(keys, dict) and keys):  # it ended before its first stage
            continue
        if run.get("manifest_root") in kept_roots or run.get("recipe") not in last:
            needed |= set(keys.items())
        last.add(run.get("recipe"))
    return needed


def is_needed(receipt: Path, needed: set[tuple[str, str]]) -> bool:
    """Return whether a receipt is needed; shard receipts are needed only until their stage is finished."""
    return (receipt.parent.name, receipt.stem) in needed


def objects_of(receipt: Path) -> set[str]:
    """Return the objects that a receipt names; none if it is damaged."""
    found = parse_receipt(receipt.read_bytes())
    return {entry.sha256 for table in found.objects.values() for entry in table} if found else set()


def surplus_runs(runs: list[Run], most: int, kept_roots: set[str | None]) -> list[Path]:
    """Return run records beyond the newest ``most``, except the newest record of each existing release."""
    made: dict[object, Path] = {}
    for path, run in runs:
        made.setdefault(run.get("manifest_root"), path)
    kept = {path for root, path in made.items() if root in kept_roots}
    return [path for path, _ in runs[most:] if path not in kept]


def reports_of(lake: Lake, old: list[Path]) -> list[Path]:
    """Return the pages about releases to remove."""
    return [path for path in (lake.reports / folder.parent.name / folder.name for folder in old) if path.exists()]


def homes(lake: Lake) -> list[Path]:
    """Return the homes of embedded servers of builds; the home of ``serve`` is its history and stays."""
    return [path for path in lake.prefect.glob("*") if path.name != "serve"]


def unfinished(lake: Lake) -> list[Path]:
    """Return unfinished downloads, and downloads with a hash that is not accepted."""
    return [path for pattern in ("*/.*.part", "*/.*.bad") for path in lake.landing.glob(pattern)]


def leftovers(lake: Lake) -> list[Path]:
    """Return unfinished files of killed processes: in the lake, pages of reports, copies of published versions."""
    pages = [path for path in lake.reports.glob("*/*/.*-*-*") if is_leftover(path, path.name.rpartition(".")[2])]
    written = [path for path in lake.temporary.glob("*") if is_leftover(path, path.name)]
    return [*written, *pages, *system_leftovers()]


def is_old(path: Path, before: float) -> bool:
    """Return whether the path was last changed before that time."""
    return path.stat().st_mtime < before


def size_of(folder: Path) -> int:
    """Return the size of a file or folder in bytes, with files that have other hard links, whose space is not freed."""
    return sum(path.stat().st_size for path in (folder, *folder.rglob("*")) if path.is_file())
