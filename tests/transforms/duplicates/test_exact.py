"""Exact duplicates: which image is kept, and why the others are not."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema
from medmultipoints.transforms.duplicates.across_sources import note_copies
from medmultipoints.transforms.duplicates.exact import equal_luma_images, find_duplicates, natural_order

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
A, B, C = "a" * 64, "b" * 64, "c" * 64
ORDER = ("first", "second")


def find(make_table: MakeTable, images: list[tuple[str, str, str]], *regions: dict[str, Any]) -> pl.DataFrame:
    table = make_table("images", [{"sample_id": i, "image_sha256": b, "luma_blake3": p} for i, b, p in images])
    samples = make_table("samples", [{"sample_id": i, "labels_exhaustive": ["polyps"]} for i, _, _ in images])
    colours = dict.fromkeys(equal_luma_images(table), "colours")
    return find_duplicates(table, make_table("regions", list(regions)), samples, ORDER, colours)


def pairs(found: pl.DataFrame) -> list[tuple[str, str, str]]:
    return found.select("sample_id", "kept_id", "kind").rows()


def test_no_image_repeats_another(make_table: MakeTable) -> None:
    found = find(make_table, [("first/a", A, A), ("second/b", B, B)])
    assert found.is_empty()
    assert dict(found.schema) == polars_schema(load_table("duplicates"))


def test_pictures_of_one_luma_and_other_colours_are_no_copies(make_table: MakeTable) -> None:
    rows = [("first/a", A, C), ("second/b", B, C), ("second/c", A, C)]
    table = make_table("images", [{"sample_id": i, "image_sha256": b, "luma_blake3": p} for i, b, p in rows])
    samples = make_table("samples", [{"sample_id": i} for i, _, _ in rows])
    assert equal_luma_images(table) == ["first/a", "second/b", "second/c"]
    colours = {"first/a": "red", "second/b": "blue", "second/c": "red"}
    found = find_duplicates(table, make_table("regions", []), samples, ORDER, colours)
    assert pairs(found) == [("second/c", "first/a", "bytes")]


def test_no_images_give_no_duplicates() -> None:
    images, regions, samples = (empty_frame(load_table(name)) for name in ("images", "regions", "samples"))
    assert find_duplicates(images, regions, samples, (), {}).is_empty()


def test_the_source_that_the_recipe_names_first_is_kept(make_table: MakeTable) -> None:
    found = find(make_table, [("first/z", A, A), ("second/a", A, A), ("unlisted/a", A, A)])
    assert pairs(found) == [("second/a", "first/z", "bytes"), ("unlisted/a", "first/z", "bytes")]


def test_within_a_source_frame_9_comes_before_frame_10(make_table: MakeTable) -> None:
    assert pairs(find(make_table, [("first/v_frame_10", A, A), ("first/v_frame_9", A, A)])) == [
        ("first/v_frame_10", "first/v_frame_9", "bytes")
    ]


def test_the_same_pixels_in_other_bytes_are_a_pixel_copy(make_table: MakeTable) -> None:
    assert pairs(find(make_table, [("first/a", A, C), ("first/b", B, C)])) == [("first/b", "first/a", "pixels")]


def test_a_chain_of_copies_ends_in_one_kept_image(make_table: MakeTable) -> None:
    """c has the bytes of b, and b the pixels of a: both are copies of a, whatever the order of the rows."""
    images = [("second/c", B, B), ("second/b", B, A), ("first/a", A, A)]
    expected = [("second/b", "first/a", "pixels"), ("second/c", "first/a", "pixels")]
    assert pairs(find(make_table, images)) == expected
    assert pairs(find(make_table, images[::-1])) == expected


@pytest.mark.parametrize(
    ("copy", "same"),
    [
        ([("mask", "polyps", 1.0)], True),
        ([("mask", "polyps", 2.0)], False),
        ([("mask", "instrument", 1.0)], False),
        ([], False),
        ([("mask", "polyps", 1.0), ("source", "polyps", 0.0)], True),
        ([("source", "polyps", 1.0)], True),
    ],
)
def test_annotations_are_the_same_when_labels_and_derived_boxes_are(
    make_table: MakeTable, copy: list[tuple[str, str, float]], same: bool
) -> None:
    """Source boxes count only where nothing was derived from a mask or a track."""
    regions = [
        {"sample_id": sample_id, "evidence": evidence, "label": label, "x1": x1, "x2": 9.0, "y2": 9.0}
        for sample_id, objects in (("first/a", [("mask", "polyps", 1.0)]), ("first/b", copy))
        for evidence, label, x1 in objects
    ]
    found = find(make_table, [("first/a", A, A), ("first/b", A, A)], *regions)
    assert found["same_annotation"].to_list() == [same]


@pytest.mark.parametrize(("x1", "same"), [(1.0, True), (1.5, True), (6.0, False)])
def test_a_box_in_another_source_at_the_place_of_a_mask_is_the_same(
    make_table: MakeTable, x1: float, same: bool
) -> None:
    """A box that a person draws differs from the mask's by some pixels."""
    regions = [
        {"sample_id": "first/a", "evidence": "mask", "label": "polyps", "rle": "m", "x1": 1.0, "x2": 9.0, "y2": 9.0},
        {"sample_id": "second/b", "evidence": "box", "label": "polyps", "rle": None, "x1": x1, "x2": 9.0, "y2": 9.0},
    ]
    found = find(make_table, [("first/a", A, A), ("second/b", A, A)], *regions)
    assert found["same_annotation"].to_list() == [same]


def test_a_box_next_to_the_mask_of_its_object_is_no_contradiction(make_table: MakeTable) -> None:
    """One source has masks of a picture, another one masks and boxes of it."""
    regions = [
        {"sample_id": one, "evidence": kind, "label": "polyps", "object_key": key, "x1": x1, "x2": 9.0, "y2": 9.0}
        for one, kind, key, x1 in (
            ("first/a", "mask", "m#0", 1.0),
            ("second/b", "mask", "n#0", 1.0),
            ("second/b", "box", "n#0", 2.0),
        )
    ]
    found = find(make_table, [("first/a", A, A), ("second/b", A, A)], *regions)
    assert (found["same_annotation"].to_list(), found["contradicted_labels"].to_list()) == ([True], [[]])


@pytest.mark.parametrize(
    ("copy", "exhaustive", "contradicted"),
    [
        ([("polyps", 1.0)], ["polyps"], []),
        ([("polyps", 2.0)], ["polyps"], ["polyps"]),
        ([("polyps", 1.000001)], ["polyps"], []),
        ([("polyps", 1.02)], ["polyps"], ["polyps"]),
        ([("polyps", 2.0)], [], ["polyps"]),
        ([], ["polyps"], ["polyps"]),
        ([], [], []),
        ([("instrument", 8.0)], ["instrument"], []),
        ([("instrument", 1.0)], [], ["instrument", "polyps"]),
        ([("instrument", 2.0), ("polyps", 1.0)], [], []),
        ([("Polyp", 1.5)], [], []),
        ([("polyps", 1.0), ("polyps", 2.0)], ["polyps"], ["polyps"]),
    ],
)
def test_copies_contradict_each_other_on_labels_that_both_know(
    make_table: MakeTable, copy: list[tuple[str, float]], exhaustive: list[str], contradicted: list[str]
) -> None:
    """A copy without a statement about a label does not contradict it, unless it has another one at the same place."""
    objects = {"first/a": [("polyps", 1.0)], "first/b": copy}
    regions = [
        {"sample_id": sample_id, "evidence": "mask", "label": label, "index": index, "x1": x1, "x2": 9.0, "y2": 9.0}
        for sample_id, found in objects.items()
        for index, (label, x1) in enumerate(found)
    ]
    images = make_table("images", [{"sample_id": one, "image_sha256": A, "luma_blake3": A} for one in objects])
    known = {"first/a": ["polyps"], "first/b": exhaustive}
    samples = make_table("samples", [{"sample_id": one, "labels_exhaustive": labels} for one, labels in known.items()])
    found = find_duplicates(images, make_table("regions", regions), samples, ORDER, {}, names={"Polyp": "polyps"})
    assert found["contradicted_labels"].to_list() == [contradicted]


def of(sample_id: str, evidence: str, label: str = "polyps", x1: float = 1.0, index: int = 0) -> dict[str, Any]:
    sides = {"x1": x1, "x2": x1 + 8, "y2": 9.0}
    return {"sample_id": sample_id, "evidence": evidence, "label": label, "index": index} | sides


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ([], ["box"], "second/b"),
        ([], ["source"], "second/b"),
        (["box"], ["mask"], "second/b"),
        (["box"], ["polygon", "polygon"], "second/b"),
        (["mask"], ["polygon"], "first/a"),
        (["box"], ["box", "box"], "first/a"),
        (["track"], ["mask"], "first/a"),
    ],
)
def test_the_copy_with_the_strongest_evidence_is_kept(
    make_table: MakeTable, first: list[str], second: list[str], kept: str
) -> None:
    """Equal strength goes by source order, as it would without any annotation."""
    regions = [
        of(i, kind, index=n) for i, own in (("first/a", first), ("second/b", second)) for n, kind in enumerate(own)
    ]
    found = find(make_table, [("first/a", A, A), ("second/b", A, A)], *regions)
    assert found["kept_id"].to_list() == [kept]


def test_certain_absence_is_stronger_than_nothing_and_than_objects_that_are_not_used(make_table: MakeTable) -> None:
    names = ("first/nothing", "first/unused", "second/empty", "second/used")
    images = make_table("images", [{"sample_id": one, "image_sha256": A, "luma_blake3": A} for one in names])
    known = {"second/empty": ["polyps"]}
    samples = make_table("samples", [{"sample_id": one, "labels_exhaustive": known.get(one, [])} for one in names])
    unused, used = (make_table("regions", [of(name, "box")]) for name in ("first/unused", "second/used"))

    def kept(last: int, usable: pl.DataFrame) -> set[str]:
        regions = pl.concat([unused, used]).filter(pl.col("sample_id").is_in(names[:last]))
        rows = (table.filter(pl.col("sample_id").is_in(names[:last])) for table in (images, regions, samples))
        return set(find_duplicates(*rows, ORDER, {}, usable)["kept_id"])

    assert kept(2, used.clear()) == {"first/unused"}
    assert kept(3, used.clear()) == {"second/empty"}
    assert kept(4, used) == {"second/used"}


def test_the_note_counts_each_object_without_a_counterpart_in_the_kept_picture(make_table: MakeTable) -> None:
    """Boxes of one label count as the same object from an intersection over union of 0.5."""
    regions = make_table(
        "regions",
        [
            *(of("first/a", "mask", "instrument", x1) for x1 in (1.0, 40.0)),
            of("second/b", "box", "instrument", 2.0),
            of("second/b", "box", "instrument", 20.0, 1),
            of("second/b", "box", "clip", 40.0),
        ],
    )
    images = make_table("images", [{"sample_id": i, "source": i.split("/")[0]} for i in ("first/a", "second/b")])
    duplicates = pl.DataFrame({"sample_id": ["second/b"], "kept_id": ["first/a"]})
    (note,) = note_copies(duplicates, images, regions)
    assert note.endswith("and with them objects that the kept ones lack: clip 1, instrument 1")


def test_the_note_names_objects_lost_with_copies_in_one_source(make_table: MakeTable) -> None:
    names = ("own/0", "own/1", "own/2")
    regions = make_table("regions", [of(one, "box", label) for one, label in zip(names, "aab", strict=True)])
    images = make_table("images", [{"sample_id": one, "source": "own"} for one in names])
    duplicates = pl.DataFrame({"sample_id": names[1:], "kept_id": ["own/0"] * 2})
    said = (
        "own: 2 of 3 pictures left out as copies of pictures of own, and with them objects that the kept ones lack: b 1"
    )
    assert [said] == note_copies(duplicates, images, regions)
    assert not note_copies(duplicates[:1], images, regions)


def test_numbers_in_names_sort_as_numbers_and_equal_ones_by_text() -> None:
    assert sorted(["a10b2", "a9", "a010b2", "a10b10", "b1", "10"], key=natural_order) == [
        "10", "a9", "a010b2", "a10b2", "a10b10", "b1",
    ]  # fmt: skip
