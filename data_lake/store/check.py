"""Find damage in a lake (receipts, objects, run records and releases), and repair it on request.

A repair removes damaged files, so that the next build makes them again, and restores release files from intact objects.
It changes nothing else in a release, and no source.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medmultipoints.data_lake.release.write.manifest import MANIFEST, read_manifest
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.data_lake.store.layout import Lake, explained, new_temporary
from medmultipoints.data_lake.store.objects import link_object, local_path, parse_receipt
from medmultipoints.data_lake.store.runs import read_run
from medmultipoints.transforms.errors import DataError

Kind = Literal["object", "receipt", "record of a run", "release"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One damaged file of a lake; ``repair`` describes the remedy, ``repairable`` whether ``repair`` applies it.

    ``object`` is the sha256 of the object from which a release file is restored.
    """

    path: Path
    kind: Kind
    problem: str
    repair: str
    repairable: bool = True
    object: str | None = None


def find_faults(lake: Lake) -> Iterator[Fault]:
    """Yield every fault, in the order of repair; reads every byte of objects and releases."""
    damaged = set()
    for path in sorted(lake.objects.glob("*/*")):
        if (found := file_sha256(path)) != path.name:
            damaged.add(path.name)
            yield Fault(path, "object", f"its content has sha256 {found}", "remove it: the next build makes it again")
    for path in sorted(lake.receipts.glob("*/*.json")):
        if problem := _receipt_problem(lake, path, damaged):
            yield Fault(path, "receipt", problem, "remove it: the next build does that work again")
    for path in sorted(lake.runs.glob("*.json")):
        if read_run(path) is None:
            yield Fault(path, "record of a run", "it is damaged or of another shape", "remove it")
    for manifest in sorted(lake.releases.glob(f"*/*/{MANIFEST}")):
        yield from _release_faults(lake, manifest.parent, damaged)


def _receipt_problem(lake: Lake, path: Path, damaged: set[str]) -> str | None:
    receipt = parse_receipt(path.read_bytes())
    if receipt is None or receipt.key != path.stem:
        return "it is damaged or of another shape"
    names = sorted({entry.sha256 for table in receipt.objects.values() for entry in table})
    lost = [name for name in names if name in damaged or not (lake.remote or local_path(lake, name).is_file())]
    return f"object {lost[0]} is damaged or missing" if lost else None


def _release_faults(lake: Lake, folder: Path, damaged: set[str]) -> Iterator[Fault]:
    rebuild = "build it again, or get it from where it is published"
    try:
        manifest = read_manifest(folder)
    except DataError as error:
        yield Fault(folder / MANIFEST, "release", str(error), rebuild, repairable=False)
        return
    for entry in manifest.entries:
        path = folder / entry.path
        if path.is_file() and not path.is_symlink() and file_sha256(path) == entry.sha256:
            continue
        there = entry.sha256 not in damaged and local_path(lake, entry.sha256).is_file()
        remedy = "restore it from the object of the same content" if there else rebuild
        yield Fault(path, "release", "it is missing or not as listed", remedy, there, entry.sha256 if there else None)


def repair(lake: Lake, fault: Fault) -> None:
    """Repair one fault; do nothing if it is not repairable."""
    if not fault.repairable:
        return
    with explained(f"the lake folder {lake.root}"):
        if fault.object is None:
            fault.path.unlink(missing_ok=True)
            return
        part = new_temporary(lake)
        link_object(lake, fault.object, part)
        fault.path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, fault.path)
