"""Tables of the lake: polars frames in, canonical Parquet objects out, and back."""

from collections.abc import Sequence

import polars as pl
import pyarrow.parquet as pq

from data_lake.layout import Lake
from data_lake.store import StoredObject, object_path, put_file, temporary_file


def put_table(lake: Lake, frame: pl.DataFrame) -> StoredObject:
    """Store a frame as Parquet; equal rows in equal order give equal bytes, whatever the thread count."""
    with temporary_file(lake) as path:
        pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), path, compression="zstd")
        return put_file(lake, path, frame.height)


def read_table(lake: Lake, objects: Sequence[StoredObject]) -> pl.DataFrame:
    """All rows of a table, in the order of its objects."""
    return pl.concat([pl.read_parquet(object_path(lake, entry.sha256)) for entry in objects])
