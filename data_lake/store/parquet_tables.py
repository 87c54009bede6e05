"""Store tables of the lake: polars frames to canonical Parquet objects, and back."""

import ctypes
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import StoredObject, object_path, put_file, temporary_file
from medmultipoints.transforms.columns.tables import Table, conform
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.counted import plural

ROWS_PER_GROUP = 100_000
"""What a reader that looks for some rows reads at once, or passes over."""
ROWS_PER_OBJECT = 500_000


def put_table(lake: Lake, frame: pl.DataFrame) -> StoredObject:
    """Store a frame as Parquet; equal rows in equal order give equal bytes with any number of threads."""
    with temporary_file(lake) as path:
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        pq.write_table(arrow, path, compression="zstd", row_group_size=ROWS_PER_GROUP)
        return put_file(lake, path, frame.height, durable=False)


def return_memory() -> None:
    """Return freed memory that Arrow and the C library hold to the system: a hundred megabytes and more."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only; other C libraries hold less
    if trim is not None:
        trim(0)


def read_table(lake: Lake, objects: Sequence[StoredObject], columns: Sequence[str] = ()) -> pl.DataFrame:
    """Return all rows of a table, in the order of its objects; only the named columns, if any are named."""
    wanted = list(columns) or None
    paths = [object_path(lake, entry.sha256) for entry in objects]
    return pl.concat([pl.read_parquet(path, columns=wanted, glob=False) for path in paths])


def scan_table(lake: Lake, objects: Sequence[StoredObject]) -> pl.LazyFrame:
    """Return the same rows in the same order, lazily: only requested columns and rows are read."""
    return pl.scan_parquet([object_path(lake, entry.sha256) for entry in objects], glob=False)


def read_sorted(
    lake: Lake, objects: Sequence[StoredObject], table: Table, most: int = ROWS_PER_OBJECT
) -> Iterator[pl.DataFrame]:
    """Yield all rows as ``conform`` returns them, about ``most`` at a time; rows with equal keys stay together.

    The objects may be in any order and overlap. If they hold at most ``most`` rows, all are yielded at once.
    """
    total, given = sum(entry.rows for entry in objects), 0
    if total <= most:
        yield conform(read_table(lake, objects), table)
        return
    for low, high in pairwise((None, *_cuts(read_table(lake, objects, [table.key]).to_series(), most), None)):
        part = conform(scan_table(lake, objects).filter(_between(pl.col(table.key), low, high)).collect(), table)
        given += part.height
        yield part
    if given != total:
        raise DataError(
            f"table {table.name}: {given} of {plural(total, 'row')} found by their keys. Please report this."
        )


def _cuts(keys: pl.Series, most: int) -> list[Any]:
    """Return the first key of each part of so many rows, except the first part; null sorts first and starts no part."""
    parts = -(-keys.len() // most)
    places = [keys.len() * part // parts for part in range(1, parts)]
    return sorted(set(keys.sort().gather(places).drop_nulls()))


def _between(key: pl.Expr, low: Any, high: Any) -> pl.Expr:
    """Return whether a key is in the part from ``low`` (included) to ``high`` (excluded); nulls are in the first."""
    if high is None:
        return pl.lit(True) if low is None else key.ge(low)
    return key.lt(high) | key.is_null() if low is None else key.ge(low) & key.lt(high)
