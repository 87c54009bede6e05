"""What ``import medmultipoints as mm`` offers: the verbs of the command line as functions, in this process.

A release is a folder, a ``Release``, or a published version such as ``hub:OWNER/NAME@vX.Y.Z`` and ``folder:…``.
Nothing here starts Prefect: a build runs its shards in threads. Every error is a ``PipelineError`` whose message says
what is wrong, where, and what to do.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any, Literal

import polars as pl

from medmultipoints.data_lake.publish.read_back import fetched_release
from medmultipoints.data_lake.release.checks.verify import VerifyReport, verify_release
from medmultipoints.data_lake.release.export.dialects import DialectReport, export_dialect
from medmultipoints.data_lake.release.export.plain import ExportReport, export_release
from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.release.read.released_tables import (
    quarantine_tables,
    read_all_instructions,
    read_parquet,
    read_quarantine,
    splits_of,
    table_files,
)
from medmultipoints.data_lake.release.read.show import describe_release
from medmultipoints.data_lake.release.write.files import MADE
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.flows.engine.execute import execute
from medmultipoints.flows.engine.prepare import prepare_attempt
from medmultipoints.flows.engine.publishing import Published, place_of, publish_release
from medmultipoints.flows.engine.request import BuildRequest, PublishRequest, ask, parse_names
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE, refuse_early
from medmultipoints.transforms.diff.releases import ReleaseDiff
from medmultipoints.transforms.errors import UsageError


@dataclass(frozen=True, slots=True)
class Release:
    """A release folder: ``path`` and what its manifest says of it.

    Example:
        >>> import medmultipoints as mm
        >>> release = mm.Release.at(folder)
        >>> release.name, release.version
        ('demo', '1.0.0')
        >>> len(release.manifest_root)
        64

    """

    path: Path
    name: str
    version: str
    manifest_root: str

    @classmethod
    def at(cls, folder: "Release | Path | str") -> "Release":
        """Return the release in a folder; DataError if it holds none."""
        if isinstance(folder, Release):
            return folder
        path = Path(folder).expanduser()
        manifest = read_manifest(path)
        return cls(path, manifest.name, manifest.version, manifest.manifest_root)


def build(
    recipe: str | Path,
    *,
    lake: str | Path = "lake",
    sources: Mapping[str, str | Path] | None = None,
    only: Sequence[str] | str = (),
    version: str | None = None,
    check_version: Literal["early", "late"] = "early",
    workers: int | None = None,
) -> Release:
    """Build the release of a recipe in this process; what is finished and unchanged is kept.

    Args:
        recipe: Name of a shipped recipe, or the path of a TOML file.
        lake: Folder of the data lake, or an address such as ``s3://bucket/lake``.
        sources: Local archive or folder of each source, by name; others are downloaded.
        only: Names of the sources to use, also as one text with commas; empty: all of the recipe's.
        version: X.Y.Z, or ``auto`` for the one that the difference from the newest release calls for.
        check_version: A version that something else made is refused before any work, or compared by contents (late).
        workers: Threads; None: one per core.

    Example:
        >>> import medmultipoints as mm
        >>> release = mm.build("demo", lake=lake, sources={"hyperkvasir": archive}, only=["hyperkvasir"])
        >>> release.name, release.version
        ('demo', '1.0.0')

    """
    request = ask(
        BuildRequest,
        recipe=str(recipe),
        lake=str(lake),
        sources={name: str(Path(path).expanduser()) for name, path in (sources or {}).items()},
        only=parse_names(only) if isinstance(only, str) else tuple(only),
        version=version,
        check_version=check_version,
        workers=workers,
    )
    threads = run_in_threads(workers or cpu_count() or 1)
    prepared = prepare_attempt(request, PIPELINE)
    refuse_early(prepared)
    return Release.at(execute(prepared, PIPELINE, threads, Unwatched()).release.path)


def load(release: Release | Path | str, table: str = "records", *, split: str | None = None) -> pl.DataFrame:
    """Return a table of a release as a polars frame, without the pictures: ``export`` writes those as files.

    The tables are ``records``, ``images``, ``objects`` and ``instructions``; ``predictions``, ``proposals`` and
    ``descriptions`` if the recipe has models; and those of the folder ``quarantine``, such as ``exclusions``, which
    have no splits. UsageError for a table or a split that the release does not have.

    Example:
        >>> import medmultipoints as mm
        >>> records = mm.load(folder)
        >>> bool((records["count"] == records["bbox"].list.len()).all())
        True
        >>> {"x1", "y1", "x2", "y2", "rle"} <= set(mm.load(folder, "objects", split="train").columns)
        True

    """
    with _opened(release) as path:
        manifest = read_manifest(path)
        held = quarantine_tables(manifest)
        made = (name for name in MADE if table_files(manifest, name))
        known = {"records", "images", "objects", "instructions", *made}
        if table not in known | held:
            raise UsageError(f"table {table!r}: the release has {', '.join(sorted(known | held))}.")
        splits = splits_of(manifest) if table in known else ()
        if split is not None and split not in splits:
            raise UsageError(f"split {split!r}: table {table!r} has {', '.join(splits) or 'no splits'}.")
        if (found := read_quarantine(path, manifest, table)) is not None:
            return found
        if table == "instructions":
            return read_all_instructions(path, manifest, split)
        return read_parquet(path, manifest, "data" if table == "records" else table, split)


def show(release: Release | Path | str) -> dict[str, Any]:
    """Return what a release holds: counts by split, label, source and task, licences, files.

    Example:
        >>> import medmultipoints as mm
        >>> mm.show(folder)["name"]
        'demo'

    """
    with _opened(release) as path:
        return describe_release(path)


def verify(release: Release | Path | str, *, leakage: bool = False) -> VerifyReport:
    """Recompute everything that a release claims; ``leakage`` also searches its pictures for near-duplicates.

    Example:
        >>> import medmultipoints as mm
        >>> report = mm.verify(folder)
        >>> report.ok, [check.name for check in report.checks if not check.ok]
        (True, [])

    """
    with _opened(release) as path:
        return verify_release(path, leakage=leakage)


def export(
    release: Release | Path | str, to: str | Path, *, dialect: str | None = None, split: str | None = None
) -> ExportReport | DialectReport:
    """Write image files and instructions to a new folder, as they are or in the format of a trainer.

    Example:
        >>> import medmultipoints as mm
        >>> report = mm.export(folder, to=new, dialect="coco")
        >>> report.images == mm.load(folder, "images").height
        True

    """
    target = Path(to).expanduser()
    with _opened(release) as path:
        return export_dialect(path, target, dialect, split) if dialect else export_release(path, target, split)


def diff(old: Release | Path | str, new: Release | Path | str) -> ReleaseDiff:
    """Return what changed from one release to another.

    Example:
        >>> import medmultipoints as mm
        >>> mm.diff(folder, folder).changes
        ()

    """
    with _opened(old) as before, _opened(new) as after:
        return diff_folders(before, after)


def publish(
    release: Release | Path | str,
    *,
    repo: str | None = None,
    to: str | Path | None = None,
    private: bool = False,
    branch: str = "main",
    pull_request: bool = False,
) -> Published:
    """Publish a release as a version, to a repository of the Hub (``repo``) or to a folder (``to``), and read it back.

    The token of the Hub comes from ``HF_TOKEN`` or the login of ``hf auth login``.

    Example:
        >>> import medmultipoints as mm
        >>> published = mm.publish(folder, to=new)
        >>> published.result.tag
        'v1.0.0'

    """
    request = ask(
        PublishRequest,
        release=str(Release.at(release).path),
        repo=repo,
        to=str(to) if to is not None else None,
        private=private,
        branch=branch,
        pull_request=pull_request,
    )
    return publish_release(request, lambda _text: None)


def _opened(release: Release | Path | str) -> AbstractContextManager[Path]:
    published = place_of(release) if isinstance(release, str) else None
    return fetched_release(*published) if published else nullcontext(Release.at(release).path)
