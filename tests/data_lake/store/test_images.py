"""Thumbnails in a file are those of the table, in any order and in parts."""

from pathlib import Path

import numpy as np
import polars as pl

from medmultipoints.data_lake.store.images import open_album
from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.transforms.duplicates.near import find_near
from medmultipoints.transforms.pictures.thumbnails import Thumbnails, mirror, pack

COPIES, MIRRORED = slice(100, 140), slice(140, 160)


def pictures() -> Thumbnails:
    """Return noise; some pictures are copies of the first ones, some are mirrored, and one is flat."""
    small = np.random.default_rng(3).integers(0, 256, (300, 32, 32), dtype=np.uint8)
    small[COPIES], small[MIRRORED], small[7] = small[40:80], mirror(small[80:100]), 9
    return small


def table(small: Thumbnails) -> pl.DataFrame:
    """Return the thumbnails with names in another order than the rows; every third picture is a frame."""
    names = np.random.default_rng(4).permutation(len(small))
    rows = pl.DataFrame({"sample_id": [f"s/{name:03}" for name in names], "thumbnail": [pack(one) for one in small]})
    frame = pl.format("video:{}", pl.int_range(pl.len()) % 9)
    return rows.with_columns(group_id=pl.when(pl.int_range(pl.len()) % 3 == 0).then(frame).otherwise("sample_id"))


def test_rows_are_read_in_any_order(tmp_path: Path) -> None:
    small = pictures()
    rows = table(small)
    with open_album(open_lake(tmp_path), [rows[:120].lazy(), rows[120:].lazy()]) as album:
        assert album.names.equals(rows["sample_id"])
        for wanted in ([], [5], [3, 4, 5, 9, 8, 299, 0], list(range(300))):
            assert np.array_equal(album.small[np.array(wanted, np.int64)], small[wanted])
        assert np.array_equal(album.small[110:130], small[110:130])
    assert not [path for path in open_lake(tmp_path).temporary.iterdir() if path.is_file()]


def test_the_search_finds_the_same_pairs_in_a_file(tmp_path: Path) -> None:
    rows = table(pictures())
    expected = find_near(rows)
    with open_album(open_lake(tmp_path), [rows[:120].lazy(), rows[120:].lazy()]) as album:
        found = find_near(rows.select("sample_id", "group_id").reverse(), album)
    assert found.pairs.equals(expected.pairs)
    assert found.pairs.height >= 50
    assert (found.compared, found.flat, found.method) == (expected.compared, 1, expected.method)
