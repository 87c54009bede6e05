"""Splits: groups stay whole, and every source is shared out as the recipe says."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pytest

from expectations.columns import empty_frame, load_table, polars_schema
from transforms.errors import UsageError
from transforms.split import assign_splits, order_groups

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
THREE = {"train": 0.8, "validation": 0.1, "test": 0.1}


def assign(
    make_table: MakeTable,
    samples: list[dict[str, Any]],
    fractions: Mapping[str, float] = THREE,
    copies: Mapping[str, str] = {},
    **options: Any,
) -> pl.DataFrame:
    """The splits of all samples but the copies."""
    kept = [{"sample_id": row["sample_id"]} for row in samples if row["sample_id"] not in copies]
    duplicates = [{"sample_id": copy, "kept_id": kept_id, "kind": "bytes"} for copy, kept_id in copies.items()]
    return assign_splits(
        make_table("images", kept),
        make_table("samples", samples),
        make_table("duplicates", duplicates),
        fractions=fractions,
        **{"seed": 1} | options,
    )


def frames(source: str, video: str, count: int) -> list[dict[str, Any]]:
    return [{"sample_id": f"{source}/{video}_{number}", "video_id": video} for number in range(count)]


def pictures(source: str, count: int) -> list[dict[str, Any]]:
    return [{"sample_id": f"{source}/{number}"} for number in range(count)]


def test_one_split_takes_all(make_table: MakeTable) -> None:
    found = assign(make_table, pictures("s", 5) + frames("v", "11", 3), {"train": 1.0})
    assert set(found["split"]) == {"train"}
    assert dict(found.schema) == polars_schema(load_table("splits"))
    assert found["sample_id"].is_sorted()


def test_no_images_give_no_splits() -> None:
    tables = (empty_frame(load_table(name)) for name in ("images", "samples", "duplicates"))
    found = assign_splits(*tables, fractions=THREE, seed=1)
    assert dict(found.schema) == polars_schema(load_table("splits"))


def test_a_group_is_a_video_or_else_an_image(make_table: MakeTable) -> None:
    found = assign(make_table, pictures("s", 1) + frames("v", "11", 2) + frames("w", "11", 1))
    assert found.select("sample_id", "group_id").rows() == [
        ("s/0", "image:s/0"),
        ("v/11_0", "video:v/11"),
        ("v/11_1", "video:v/11"),
        ("w/11_0", "video:w/11"),
    ]


def test_images_are_shared_out_exactly_where_groups_are_single_images(make_table: MakeTable) -> None:
    found = assign(make_table, pictures("a", 100) + pictures("b", 50))
    counts = found.group_by(pl.col("sample_id").str.head(1), "split").len().sort("sample_id", "split").rows()
    assert counts == [
        ("a", "test", 10), ("a", "train", 80), ("a", "validation", 10),
        ("b", "test", 5), ("b", "train", 40), ("b", "validation", 5),
    ]  # fmt: skip


def test_a_source_with_as_many_groups_as_splits_is_in_each_of_them(make_table: MakeTable) -> None:
    videos = [row for video in ("11", "12", "13") for row in frames("v", video, 4)]
    found = assign(make_table, videos, {"train": 0.98, "validation": 0.01, "test": 0.01})
    assert set(found["split"]) == set(THREE)


def test_a_dropped_copy_ties_its_video_to_the_kept_image(make_table: MakeTable) -> None:
    """The kept picture of source s is a frame of video 11, which is in the release with its other frames."""
    samples = pictures("s", 2) + frames("v", "11", 3)
    found = assign(make_table, samples, copies={"v/11_0": "s/1"})
    groups = dict(found.select("sample_id", "group_id").rows())
    assert groups["s/1"] == groups["v/11_1"] == groups["v/11_2"] == "image:s/1"
    assert groups["s/0"] == "image:s/0"


def test_a_group_is_never_named_after_a_dropped_copy(make_table: MakeTable) -> None:
    """Adding a source that only holds copies renames no group, and so moves no image."""
    alone = assign(make_table, pictures("s", 9))
    joined = assign(make_table, pictures("s", 9) + pictures("a", 9), copies={f"a/{n}": f"s/{n}" for n in range(9)})
    assert joined.equals(alone)


def test_official_splits_are_honoured_where_the_recipe_says_so(make_table: MakeTable) -> None:
    samples = [row | {"official_split": "test"} for row in pictures("s", 4)] + pictures("t", 4)
    found = assign(make_table, samples, {"train": 0.5, "test": 0.5}, honour_official=True)
    assert dict(found.filter(pl.col("sample_id").str.starts_with("s/"))["split"].value_counts().rows()) == {"test": 4}
    assert set(assign(make_table, samples, {"train": 0.5, "test": 0.5})["split"]) == {"train", "test"}


def test_a_group_with_two_official_splits_goes_to_test(make_table: MakeTable) -> None:
    video = frames("v", "11", 3)
    video[0]["official_split"], video[1]["official_split"] = "train", "test"
    found = assign(make_table, video, honour_official=True)
    assert set(found["split"]) == {"test"}


def test_an_official_split_that_the_recipe_does_not_have_is_ignored(make_table: MakeTable) -> None:
    samples = [row | {"official_split": "validation"} for row in pictures("s", 4)]
    assert set(assign(make_table, samples, {"train": 1.0}, honour_official=True)["split"]) == {"train"}


def test_the_order_of_groups_is_part_of_the_format() -> None:
    """Golden: another hash or text under it would move images between splits of every release."""
    assert order_groups([f"image:s/{n}" for n in range(4)], seed=7) == [
        "image:s/2",
        "image:s/0",
        "image:s/3",
        "image:s/1",
    ]


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"train": 0.8, "test": 0.1}, "must add up to 1, not 0.9: train = 0.8, test = 0.1"),
        ({"train": 1.0, "test": 0.0}, "must be above 0: train = 1.0, test = 0.0. Leave out"),
        ({"train": float("nan")}, "must be above 0: train = nan"),
        ({}, "must add up to 1"),
    ],
)
def test_fractions_that_are_no_shares_are_refused(
    make_table: MakeTable, fractions: dict[str, float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        assign(make_table, pictures("s", 3), fractions)
