"""What the audit of a release found, read back from its quarantine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from data_lake.release.manifest import read_manifest
from data_lake.release.read import readable
from transforms.errors import DataError

WORST_FIRST = ("error", "warning", "info")
KEYS = (
    "kind", "severity", "source", "stem", "image_sha256", "label", "source_box", "derived_box", "iou", "action",
)  # fmt: skip
"""What is told to machines of each finding, in this order."""


def read_findings(folder: Path) -> pl.DataFrame:
    """All findings of a release, the worst first, then by image; DataError where the release has no such table."""
    rank = pl.col("severity").replace_strict({name: place for place, name in enumerate(WORST_FIRST)}, default=9)
    return _read(folder, "disagreements").sort(rank, "source", "stem", "finding_id")


def read_conventions(folder: Path) -> pl.DataFrame:
    """The convention of each source's boxes."""
    return _read(folder, "conventions").sort("source")


def told(findings: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Each finding with exactly the ``KEYS``."""
    return findings.select(KEYS).iter_rows(named=True)


def _read(folder: Path, table: str) -> pl.DataFrame:
    path = f"quarantine/{table}.parquet"
    if path not in {file.path for file in read_manifest(folder).files}:
        raise DataError(f"{folder}: the release lists no {path}: it is older than the audit. Build it again.")
    with readable(folder / path) as file:
        return pl.DataFrame(pl.from_arrow(file.read()))
