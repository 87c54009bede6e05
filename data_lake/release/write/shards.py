"""Divide records into files, by the data alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from medmultipoints.data_lake.release.write.files import shard_path

MAX_SHARD_BYTES = 256_000_000
LOADERS = 8
"""So many files let as many workers of a loader read at once."""
ROWS_FOR_A_LOADER = 50


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of records to write: rows sorted by record_id, without pictures, and the size of each picture."""

    path: str
    split: str
    records: pl.DataFrame
    sizes: tuple[int, ...]


def plan_shards(records: pl.DataFrame, max_bytes: int = MAX_SHARD_BYTES, *, table: str = "data") -> tuple[Shard, ...]:
    """Return the files of the records table, by split and then by record_id, each of at most ``max_bytes`` of pictures.

    A split has 1, 2, 4 or 8 files with some 50 rows each, so that the number seldom changes.

    ``records`` holds ``record_id``, ``split`` and ``stored_bytes`` besides the columns to write.
    Files cover equal ranges of the image hash, so that an added or removed row changes only one file; a file exceeds
    ``max_bytes`` only if a few huge pictures fall into one range.
    """
    ordered = records.sort("record_id")
    names = ordered["split"].unique().sort().to_list()
    return tuple(
        shard for name in names for shard in _plan_split(ordered.filter(pl.col("split") == name), max_bytes, table)
    )


def _plan_split(records: pl.DataFrame, max_bytes: int, table: str) -> Iterator[Shard]:
    parts = _parts(records, max_bytes)
    split = records["split"][0]
    for index, part in enumerate(parts):
        sizes = tuple(part["stored_bytes"].to_list())
        yield Shard(shard_path(table, split, index, len(parts)), split, part.drop("stored_bytes"), sizes)


def _parts(records: pl.DataFrame, max_bytes: int) -> list[pl.DataFrame]:
    """Return the rows divided into the fewest equal hash ranges within the limits, without empty ranges."""
    loaders = min(LOADERS, 2 ** int(math.log2(max(records.height // ROWS_FOR_A_LOADER, 1))))
    fewest = max(loaders, math.ceil(records["stored_bytes"].sum() / max_bytes))
    parts = [records]
    for count in range(min(fewest, records.height), min(4 * fewest, records.height) + 1):
        parts = _cut(records, count)
        if all(part["stored_bytes"].sum() <= max_bytes for part in parts):
            break
    return parts


def _cut(records: pl.DataFrame, count: int) -> list[pl.DataFrame]:
    place = records["record_id"].str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64) * count // 2**32
    return records.with_columns(place.alias("_part")).partition_by("_part", maintain_order=True, include_key=False)
