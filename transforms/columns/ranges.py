"""Join and compare large tables of images part by part."""

from collections.abc import Iterator

import polars as pl

ROWS_AT_ONCE = 500_000
KEYS_AT_ONCE = 2_000_000
"""So many keys are compared at once: a table to look ten million up in takes more than a gigabyte."""


def join_sorted(images: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Return the images, sorted by sample_id, with the columns of a table that has at most one row for each.

    Joins are made range by range: an index of ten million names would take gigabytes.
    """
    images, table = (frame if frame["sample_id"].is_sorted() else frame.sort("sample_id") for frame in (images, table))
    parts = []
    for part in images.iter_slices(ROWS_AT_ONCE):
        low = int(table["sample_id"].search_sorted(part["sample_id"][0], "left"))
        high = int(table["sample_id"].search_sorted(part["sample_id"][-1], "right"))
        parts.append(part.join(table[low:high], on="sample_id", how="left", validate="1:1", maintain_order="left"))
    return pl.concat(parts) if parts else images.join(table, on="sample_id", how="left")


def key_parts(rows: int) -> Iterator[pl.Expr]:
    """Yield conditions on the column ``key`` that divide so many rows into parts; equal keys are in one part."""
    parts = max(-(-rows // KEYS_AT_ONCE), 1)
    if parts == 1:
        yield pl.lit(True)
        return
    for part in range(parts):
        yield pl.col("key").hash() % parts == part
