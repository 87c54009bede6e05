"""Tables come back as they were stored, whole, by column, by row, or in the order of their keys."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from medmultipoints.data_lake.store.layout import Lake, open_lake
from medmultipoints.data_lake.store.objects import StoredObject, object_path
from medmultipoints.data_lake.store.parquet_tables import ROWS_PER_GROUP, put_table, read_sorted, read_table, scan_table
from medmultipoints.transforms.columns.tables import conform, load_table

SPLITS = load_table("splits")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def splits(*keys: str | None) -> pl.DataFrame:
    """Rows of the table of splits, told apart by their group."""
    names = [f"{place}{key}" for place, key in enumerate(keys)]
    return pl.DataFrame(
        {"sample_id": keys, "group_id": names, "split": "train"},
        schema_overrides={"sample_id": pl.String},
    )


def stored(lake: Lake, *frames: pl.DataFrame) -> list[StoredObject]:
    """One object a frame."""
    return [put_table(lake, frame) for frame in frames]


def test_objects_come_one_after_the_other(lake: Lake) -> None:
    """However they are read."""
    one, other = splits("c", "a"), splits("b")
    objects = stored(lake, one, other)
    assert_frame_equal(read_table(lake, objects), pl.concat([one, other]))
    assert_frame_equal(scan_table(lake, objects).collect(), pl.concat([one, other]))
    assert read_table(lake, objects, ["split", "sample_id"]).columns == ["split", "sample_id"]
    assert scan_table(lake, objects).filter(pl.col("sample_id") > "a").select("sample_id").collect().rows() == [
        ("c",),
        ("b",),
    ]


def test_a_large_table_is_stored_in_groups_of_rows(lake: Lake) -> None:
    """A reader that looks for some rows passes over the others."""
    (entry,) = stored(lake, pl.int_range(2 * ROWS_PER_GROUP + 1, eager=True).to_frame())
    import pyarrow.parquet as pq

    assert pq.ParquetFile(object_path(lake, entry.sha256)).num_row_groups == 3


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 100])
def test_rows_come_in_the_order_of_their_keys(lake: Lake, most: int) -> None:
    """A part at a time, whatever the order and the overlap of the objects, with nulls first and copies together."""
    frames = [splits("d", None, "b"), splits(), splits("a", "d", "e"), splits("d", None)]
    objects = stored(lake, *frames)
    parts = list(read_sorted(lake, objects, SPLITS, most))
    assert_frame_equal(pl.concat(parts), conform(pl.concat(frames), SPLITS))
    assert [part.height for part in parts] == HEIGHTS[most]
    turned = list(read_sorted(lake, objects[::-1], SPLITS, most))
    assert all(one.equals(other) for one, other in zip(parts, turned, strict=True))


HEIGHTS = {1: [2, 1, 1, 3, 1], 2: [2, 2, 4], 3: [2, 2, 4], 5: [4, 4], 8: [8], 100: [8]}


def test_rows_without_any_key_are_not_lost(lake: Lake) -> None:
    """They come at once."""
    (part,) = read_sorted(lake, stored(lake, splits(None, None, None)), SPLITS, 1)
    assert part["group_id"].to_list() == ["0None", "1None", "2None"]
