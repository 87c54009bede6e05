"""The certificate's part about examinations: joins by kind and difference, and nothing that dates a picture."""

import json
import re

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.examinations.joins import Join, find_equal_days, find_equal_starts, join_table
from medmultipoints.transforms.splits.joined import count_states, describe_joins, joins_digest

NOON = 12 * 3600
READINGS = pl.DataFrame(
    [
        ("a", "newer", "2015-01-07", NOON, 600, "read"),
        ("b", "newer", "2015-01-07", NOON + 90, 689, "read"),
        ("c", "newer", "2015-01-07", NOON + 60, 0, "read"),
        ("d", "newer", "2015-01-08", NOON, 600, "read"),
        ("e", "older", "2015-01-07", NOON, None, "read"),
        ("f", "older", None, NOON, 600, "cut"),
    ],
    schema=schema_of("readings"),
    orient="row",
)
IMAGES = pl.DataFrame(
    {
        "sample_id": list("abcdef"),
        "split": ["train", "test", "train", "train", "train", "train"],
        "group_id": list("xxyzuv"),
        "video_id": [None] * 6,
    }
)
JOINS = join_table([*find_equal_starts(READINGS), *find_equal_days(READINGS)])


def test_one_examination_starts_in_one_second_of_one_day() -> None:
    assert [("a", "b", 1)] == [(join.sample_id, join.other_id, join.apart_s) for join in find_equal_starts(READINGS)]


@pytest.mark.parametrize(
    ("day", "clock", "timer", "apart"),
    [
        ("2015-01-08", 300, 900, 0),  # 00:05 after 15 minutes: the start is 23:50 of the day before
        ("2015-01-08", 301, 900, 1),
        ("2015-01-08", 303, 900, None),
        ("2015-01-07", 300, 900, None),  # 23:50 of another day
        ("2015-01-09", 300, 900, None),
        ("2015-01-07", 86_399, 599, 0),
    ],
)
def test_an_examination_may_pass_midnight(day: str, clock: int, timer: int, apart: int | None) -> None:
    before = ("a", "newer", "2015-01-07", 86_100, 300, "read")  # 23:55 after 5 minutes
    after = ("b", "newer", day, clock, timer, "read")
    both = pl.DataFrame([before, after], schema=schema_of("readings"), orient="row")
    assert ([] if apart is None else [apart]) == [join.apart_s for join in find_equal_starts(both)]


def test_starts_are_compared_over_the_end_of_a_year_and_the_first_second_of_a_day() -> None:
    rows = [
        ("a", "newer", "2015-12-31", 86_399, 0, "read"),
        ("b", "newer", "2016-01-01", 0, 0, "read"),
        ("c", "newer", "2016-01-01", 2, 1, "read"),
        ("d", "newer", "2016-01-01", 4, 0, "read"),
    ]
    found = find_equal_starts(pl.DataFrame(rows, schema=schema_of("readings"), orient="row"))
    assert [("a", "b", 1), ("a", "c", 2), ("b", "c", 1)] == [
        (one.sample_id, one.other_id, one.apart_s) for one in found
    ]


def test_a_window_of_the_clock_joins_nothing() -> None:
    near = READINGS.with_columns(timer_s=pl.lit(None, pl.Int64))
    assert [] == list(find_equal_starts(near))


def test_a_day_links_all_its_pictures_once() -> None:
    assert [("a", "b"), ("a", "c"), ("a", "e")] == [
        (join.sample_id, join.other_id) for join in find_equal_days(READINGS)
    ]


def test_pairs_in_different_splits_are_leaks() -> None:
    section = describe_joins(IMAGES, JOINS, count_states(IMAGES.lazy(), READINGS))
    assert {"same_start": 1, "same_scene": 0, "same_frame": 0, "same_day": 1} == section["across_splits"]
    assert (1, 1) == (section["in_one_group"], section["pairs"]["same_start"])


def test_no_date_and_no_clock_is_in_the_section() -> None:
    section = describe_joins(IMAGES, JOINS, count_states(IMAGES.lazy(), READINGS))
    assert ["same day, starts 1 s apart"] == [join["evidence"] for join in section["joins"]]
    text = json.dumps(section)
    assert not re.search(r"20\d\d-\d\d|\d\d:\d\d|43200|42600", text)


def test_what_was_not_read_is_counted() -> None:
    section = describe_joins(IMAGES, JOINS, count_states(IMAGES.lazy(), READINGS))
    assert {"read": 5, "cut": 1, "unclear": 0, "none": 0, "unread": 0} == section["text"]
    assert 2 == section["on_looks_alone"]


def test_the_digest_follows_the_joins_and_not_their_order() -> None:
    other = join_table([Join(sample_id="a", other_id="b", kind="same_scene", inliers=9)])
    assert joins_digest(JOINS) == joins_digest(JOINS.reverse())
    assert joins_digest(JOINS) != joins_digest(other)


def test_joins_of_pictures_that_are_not_released_do_not_count() -> None:
    section = describe_joins(IMAGES.filter(pl.col("sample_id") != "b"), JOINS, {})
    assert 0 == section["pairs"]["same_start"]
