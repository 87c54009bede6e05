"""Describe a build before any long work: sources, policy, destination, disk space."""

import resource
import shutil
from collections.abc import Mapping
from pathlib import Path

from medmultipoints.data_lake.archives.local_files import local_files
from medmultipoints.data_lake.catalogue import Archive, RemoteMember, SourceInfo
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies
from medmultipoints.transforms.errors import MachineError
from medmultipoints.transforms.reporting.counted import plural

MOST_SOURCES = 8
LEAST_FREE = 64 * 1024 * 1024
"""Less room than this is too little for any build."""
LEAST_FILE = 8 * 1024 * 1024
"""A process that may write no larger file than this cannot run the database of a server."""
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def intention(
    recipe: Recipe, infos: Mapping[str, SourceInfo], paths: Mapping[str, str], lake: Lake, version: str | None = None
) -> list[str]:
    """Return what will be built, its sources and destination; a second line if disk space may be too small.

    ``version``: as requested; ``auto`` is decided once the release exists and can be compared.
    """
    found = {name: _source(info, paths.get(name), lake) for name, info in infos.items()}
    policies = own_policies(recipe)
    said = [
        f"{name} ({words}{f', {policies[name]}' if name in policies else ''})" for name, (words, _) in found.items()
    ]
    place = lake.releases / recipe.name
    place = place if version == "auto" else place / recipe.version
    called = f"{recipe.name}, version auto" if version == "auto" else f"{recipe.name} {recipe.version}"
    more = f" and {len(said) - MOST_SOURCES} more sources" if len(said) > MOST_SOURCES else ""
    first = f"{called}, boxes {recipe.boxes.policy}: {', '.join(said[:MOST_SOURCES])}{more}; to {shown(place)}"
    need, free = sum(size for _, size in found.values()), shutil.disk_usage(lake.root).free
    if need <= free:
        return [first]
    return [
        first,
        f"{shown(lake.root)}: {format_size(free)} are free, the sources have {format_size(need)}; it may not fit",
    ]


def check_room(folder: Path, name: str = "the lake folder") -> None:
    """Raise MachineError if the disk is almost full, or if only tiny files may be written: builds fail there."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_FILE:
        raise MachineError(
            f"this process may write files of {limit >> 10:,} KiB at most, and databases and releases need more. Raise "
            "the limit on file sizes (`ulimit -f`, or the quota of the cluster), then run again."
        )
    if shutil.disk_usage(folder).free < LEAST_FREE:
        raise MachineError(
            f"{name} {folder}: less than {LEAST_FREE >> 20} MiB are left. The disk is full: free space or choose "
            "another folder with --lake, then run again; finished work is kept."
        )


def _source(info: SourceInfo, given: str | None, lake: Lake) -> tuple[str, int]:
    """Return where a source comes from, as text, and its known size in bytes."""
    if given is not None:
        files = [file.stat().st_size for _, file in local_files(Path(given))]
        return f"{plural(len(files), 'file')}, {format_size(sum(files))}", sum(files)
    if info.url:
        return f"from {info.url}", 0
    missing = not_downloaded(info, lake)
    size = sum(file.bytes or 0 for file in missing)
    return (f"download of {format_size(size)}" if missing and size else "download" if missing else "in the lake"), size


def not_downloaded(info: SourceInfo, lake: Lake) -> list[Archive | RemoteMember]:
    """Return the files of a source that a download has still to bring."""
    return [file for file in info.downloads if not (lake.landing / info.name / file.name).exists()]


def format_size(size: int) -> str:
    """Return a number of bytes as text."""
    unit, name = next(((unit, name) for unit, name in UNITS if size >= unit), (1.0, "bytes"))
    return f"{size / unit:,.0f} {name}" if size / unit >= 10 or unit == 1 else f"{size / unit:.1f} {name}"


def shown(path: Path) -> str:
    """Return the path as a user would type it in the working folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
