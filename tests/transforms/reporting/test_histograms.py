"""Bins and shares of a report."""

import polars as pl

from medmultipoints.transforms.reporting.histograms import Bar, image_sizes, object_counts, object_sizes, split_shares

RECORDS = pl.DataFrame(
    {"label": ["a", "a", "a", "b"], "count": [0, 1, 5, 9], "split": ["train", "train", "test", "test"]}
).with_columns(image_sha256=pl.Series(["1", "2", "3", "3"]), sample_id=pl.Series(["1", "2", "3", "3"]))


def test_counts_are_binned_by_doubling_over_the_same_axis_for_every_label() -> None:
    found = object_counts(RECORDS)
    names = ["0", "1", "2 to 3", "4 to 7", "8 to 15"]
    assert [bar.name for bar in found["a"]] == [bar.name for bar in found["b"]] == names
    assert [bar.number for bar in found["a"]] == [1, 1, 0, 1, 0]
    assert [bar.number for bar in found["b"]] == [0, 0, 0, 0, 1]


def test_sizes_are_the_square_root_of_the_area() -> None:
    objects = pl.DataFrame(
        {"label": ["a", "a"], "x1": [0.0, 0.0], "y1": [0.0, 0.0], "x2": [9.0, 0.5], "y2": [4.0, 0.5]}
    )
    assert [(bar.name, bar.number) for bar in object_sizes(objects)["a"]] == [("1", 1), ("2 to 3", 0), ("4 to 7", 1)]


def test_a_release_without_objects_has_no_bars() -> None:
    empty = pl.DataFrame(
        schema={"label": pl.String, "x1": pl.Float64, "y1": pl.Float64, "x2": pl.Float64, "y2": pl.Float64}
    )
    assert object_sizes(empty) == {}


def test_rare_image_sizes_share_a_bar() -> None:
    images = pl.DataFrame({"width": [3, 3, 2, 1], "height": [1, 1, 1, 1]})
    assert image_sizes(images, 1) == [Bar("3 by 1", 2, 1.0), Bar("2 other sizes", 2, 1.0)]


def test_shares_of_a_label_sum_to_one() -> None:
    splits, rows = split_shares(RECORDS)
    assert splits == ["train", "test"]
    assert rows[0]["shares"] == [("train", 2, 2 / 3), ("test", 1, 1 / 3)]
    assert rows[1]["shares"] == [("train", 0, 0.0), ("test", 1, 1.0)]
