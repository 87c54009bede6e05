"""Read the audit findings of a release from its quarantine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import read_quarantine
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.choices import severity_rank

KEYS = column_names("disagreements", "reported")
"""What programs get of each finding, in this order."""


@reads_release
def read_findings(folder: Path) -> pl.DataFrame:
    """Return all findings of a release, the most severe first, then by image; DataError if it has no such table."""
    return _read(folder, "disagreements").sort(severity_rank(), "source", "stem", "finding_id")


@reads_release
def read_conventions(folder: Path) -> pl.DataFrame:
    """Return the convention of each source's boxes."""
    return _read(folder, "conventions").sort("source")


def finding_rows(findings: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield each finding with exactly the ``KEYS``."""
    return findings.select(KEYS).iter_rows(named=True)


def _read(folder: Path, table: str) -> pl.DataFrame:
    found = read_quarantine(folder, read_manifest(folder), table)
    if found is None:
        stated = f"quarantine/{table}.parquet"
        raise DataError(f"{folder}: the release lists no {stated}: it is older than the audit. Build it again.")
    return found
