"""Splits: groups stay whole, and every source is shared out as the recipe says."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.splits.assign import assign_splits, order_groups
from medmultipoints.transforms.splits.balance import find_strata
from medmultipoints.transforms.splits.split_changes import know_previous, list_changes

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


def test_near_duplicates_stay_together(make_table: MakeTable) -> None:
    """A chain of near-duplicates is one group, and it ties the video of its last picture to it."""
    samples = pictures("s", 30) + frames("v", "11", 4)
    near = make_table("near_duplicates", [{"sample_id": f"s/{n}", "other_id": f"s/{n + 1}"} for n in range(3)])
    tied = make_table("near_duplicates", [{"sample_id": "s/3", "other_id": "v/11_2"}])
    found = assign(make_table, samples, near=pl.concat([near, tied]))
    together = found.filter(pl.col("group_id") == "image:s/0")
    assert set(together["sample_id"]) == {f"s/{n}" for n in range(4)} | {f"v/11_{n}" for n in range(4)}
    assert together["split"].n_unique() == 1


def strata_of(make_table: MakeTable, counts: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """The strata of images with so many objects of each label."""
    rows = [
        {"sample_id": sample_id, "label": label, "evidence": "mask", "region_id": f"{sample_id}:{label}:{index}"}
        for sample_id, labels in counts.items()
        for label, count in labels.items()
        for index in range(count)
    ]
    return find_strata(make_table("regions", rows), "audited")


def test_strata_are_labels_and_count_buckets(make_table: MakeTable) -> None:
    found = strata_of(make_table, {"s/0": {"a": 1}, "s/1": {"a": 3, "b": 2}, "s/2": {"a": 9}})
    assert found.rows() == [
        ("s/0", "a"), ("s/0", "a up to 1"),
        ("s/1", "a"), ("s/1", "a up to 4"), ("s/1", "b"), ("s/1", "b up to 2"),
        ("s/2", "a"), ("s/2", "a up to 16"),
    ]  # fmt: skip


def test_each_split_holds_its_share_of_each_label_and_count(make_table: MakeTable) -> None:
    """200 pictures of four kinds; each kind is shared out as the whole is."""
    kinds = ({"a": 1}, {"a": 6}, {"b": 1}, {"a": 2, "b": 3})
    counts = {f"s/{n}": kinds[n % 4] for n in range(200)}
    found = assign(make_table, pictures("s", 200), strata=lambda _: strata_of(make_table, counts))
    kind = {name: number % 4 for number, name in enumerate(counts)}
    shares = Counter((kind[name], split) for name, split in found.select("sample_id", "split").iter_rows())
    assert shares == {(k, s): n for k in range(4) for s, n in (("train", 40), ("validation", 5), ("test", 5))}


def test_videos_are_shared_out_so_that_a_rare_label_is_in_each_split(make_table: MakeTable) -> None:
    """Of 20 videos of 10 frames, 5 hold a rare label: its shares are right, whatever the seed."""
    samples = [row for video in range(20) for row in frames("v", f"{video}", 10)]
    counts = {row["sample_id"]: {"a": 3} | ({"b": 1} if int(row["video_id"]) < 5 else {}) for row in samples}
    strata = strata_of(make_table, counts)
    for seed in range(20):
        found = assign(make_table, samples, {"train": 0.6, "test": 0.4}, strata=lambda _: strata, seed=seed)
        rare = found.filter(pl.col("sample_id").is_in([name for name, labels in counts.items() if "b" in labels]))
        assert dict(rare["split"].value_counts().iter_rows()) == {"train": 30, "test": 20}
        assert dict(found["split"].value_counts().iter_rows()) == {"train": 120, "test": 80}


def previous_of(found: pl.DataFrame) -> pl.DataFrame:
    return found.select("sample_id", "split")


def test_known_images_keep_their_split_and_new_ones_fill_what_lacks(make_table: MakeTable) -> None:
    """50 pictures become 100: none of the 50 moves, and the shares are met again."""
    first = assign(make_table, pictures("s", 50))
    second = assign(make_table, pictures("s", 100), previous=previous_of(first), seed=2)
    assert first.join(second, on="sample_id").filter(pl.col("split") != pl.col("split_right")).is_empty()
    assert dict(second["split"].value_counts().iter_rows()) == {"train": 80, "validation": 10, "test": 10}


def test_groups_that_new_evidence_joins_go_to_test(make_table: MakeTable) -> None:
    """A near-duplicate of a test picture was in train: both, and a new third, are in test now."""
    first = assign(make_table, pictures("s", 50))
    trained, tested = (first.filter(pl.col("split") == split)["sample_id"][0] for split in ("train", "test"))
    rows = [sorted((trained, tested)), sorted((trained, "s/50"))]
    near = make_table("near_duplicates", [{"sample_id": one, "other_id": two} for one, two in rows])
    samples = pictures("s", 51)
    found = assign(make_table, samples, previous=previous_of(first), near=near)
    split = dict(found.select("sample_id", "split").iter_rows())
    assert {split[name] for name in (trained, tested, "s/50")} == {"test"}
    images = make_table("images", [{"sample_id": row["sample_id"], "image_sha256": "0"} for row in samples])
    changes = list_changes(
        found,
        images,
        make_table("samples", samples),
        fractions=THREE,
        honour_official=False,
        previous=previous_of(first),
    )
    assert changes.select("sample_id", "stated_by", "stated_split", "split", "reason").rows() == [
        (trained, "previous", "train", "test", f"its group holds {tested}, which is in test")
    ]
    assert dict(changes.schema) == polars_schema(load_table("split_changes"))


def test_a_split_that_the_recipe_has_no_more_is_named(make_table: MakeTable) -> None:
    samples = pictures("s", 4)
    previous = pl.DataFrame({"sample_id": ["s/0", "s/1"], "split": ["holdout", "train"]})
    found = assign(make_table, samples, {"train": 1.0}, previous=previous)
    images = make_table("images", [{"sample_id": row["sample_id"]} for row in samples])
    changes = list_changes(
        found,
        images,
        make_table("samples", samples),
        fractions={"train": 1.0},
        honour_official=False,
        previous=previous,
    )
    assert changes.select("sample_id", "reason").rows() == [("s/0", "the recipe has no split holdout")]


def test_an_official_split_that_leaks_is_overruled_and_listed(make_table: MakeTable) -> None:
    """The authors have two frames of one video in train and one in test: all go to test, and two are listed."""
    video = frames("v", "11", 3)
    for row, split in zip(video, ("train", "test", "train"), strict=True):
        row["official_split"] = split
    found = assign(make_table, video, honour_official=True)
    images = make_table("images", [{"sample_id": row["sample_id"]} for row in video])
    changes = list_changes(
        found, images, make_table("samples", video), fractions=THREE, honour_official=True, previous=None
    )
    assert changes.select("sample_id", "stated_by", "stated_split", "split").rows() == [
        ("v/11_0", "official", "train", "test"),
        ("v/11_2", "official", "train", "test"),
    ]


def test_a_known_split_comes_before_an_official_one(make_table: MakeTable) -> None:
    samples = [row | {"official_split": "validation"} for row in pictures("s", 2)]
    previous = pl.DataFrame({"sample_id": ["s/0"], "split": ["train"]})
    found = assign(make_table, samples, previous=previous, honour_official=True)
    assert found["split"].to_list() == ["train", "validation"]


def test_an_image_is_known_by_its_bytes_or_its_pixels_whatever_its_name(make_table: MakeTable) -> None:
    rows = [{"sample_id": f"s/{n}", "image_sha256": f"f{n}", "luma_blake3": f"p{n}"} for n in range(3)]
    images = make_table("images", rows)
    previous = pl.DataFrame({"image_sha256": ["f0", "x"], "luma_blake3": ["y", "p1"], "split": ["train", "test"]})
    assert know_previous(images, previous).rows() == [("s/0", "train"), ("s/1", "test")]


def test_the_order_of_groups_is_part_of_the_format() -> None:
    """Golden: another hash or text under it would move images between splits of every release."""
    assert order_groups([f"image:s/{n}" for n in range(4)], seed=7).tolist() == [2, 0, 3, 1]


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
