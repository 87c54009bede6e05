"""What reviewers decided: matched against images and objects, applied to regions, marked on findings."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.audit.corrections import (
    CorrectionProblem,
    correct_regions,
    find_withdrawn,
    match_corrections,
)
from medmultipoints.transforms.audit.decisions import Correction, Withdrawal

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
SHA, SHA_B = (name.hex().ljust(64, "0") for name in (b"a", b"b"))
LABELS = {"polyps": "polyps", "instrument": "instrument"}
WHO = {"where": "a.toml, [[corrections]] 1", "reason": "seen", "reviewer": "A. B.", "date": "2026-11-21"}
FIRST, SECOND = (10.0, 10.0, 30.0, 30.0), (50.0, 40.0, 70.0, 60.0)


def entry(action: Any, **changes: Any) -> Correction:
    return Correction(**{"image": "s/a", "image_sha256": SHA, "action": action} | WHO | changes)


def tables(make_table: MakeTable) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two images: two polyps by mask and one box of the source in the first, one polyp in the other."""
    boxes = [
        ("s/a", "mask", 0, FIRST),
        ("s/a", "mask", 1, SECOND),
        ("s/a", "source", 0, FIRST),
        ("s/b", "mask", 0, FIRST),
    ]
    regions = [
        {"sample_id": name, "evidence": evidence, "index": index, "area_px": 9, "cx": 11.0, "cy": 11.0}
        | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        for name, evidence, index, box in boxes
    ]
    return make_table("images", [{"sample_id": "s/a"}, {"sample_id": "s/b"}]), make_table("regions", regions)


def corrected(make_table: MakeTable, *entries: Correction) -> list[tuple[Any, ...]]:
    """What the regions of the first image are afterwards; the other image never changes."""
    images, regions = tables(make_table)
    matched = match_corrections(entries, images, regions, policy="audited", labels=LABELS)
    found = correct_regions(regions, images, matched)
    assert found.schema == regions.schema
    assert found.filter(sample_id="s/b").equals(regions.filter(sample_id="s/b"))
    return found.filter(sample_id="s/a").select("region_id", "x1", "y1", "x2", "y2", "area_px").rows()


def test_without_decisions_the_regions_are_the_same_frame(make_table: MakeTable) -> None:
    images, regions = tables(make_table)
    none = match_corrections([], images, regions, policy="audited", labels=LABELS)
    assert correct_regions(regions, images, none) is regions


def test_an_excluded_object_is_gone_and_the_others_are_numbered_again(make_table: MakeTable) -> None:
    assert corrected(make_table, entry("exclude", object=f"{SHA}:polyps:0", box=FIRST)) == [
        ("s/a:mask:polyps:0", *SECOND, 9),
        ("s/a:source:polyps:0", *FIRST, 9),
    ]


def test_replaced_boxes_stand_for_all_objects_of_their_label(make_table: MakeTable) -> None:
    new = ((0.0, 0.0, 20.0, 20.0), (30.0, 30.0, 100.0, 80.0))
    assert corrected(make_table, entry("replace_boxes", label="polyps", boxes=new)) == [
        ("s/a:correction:polyps:0", *new[0], None),
        ("s/a:correction:polyps:1", *new[1], None),
        ("s/a:source:polyps:0", *FIRST, 9),
    ]


def test_one_object_can_be_replaced_alone(make_table: MakeTable) -> None:
    new = (12.0, 12.0, 28.5, 28.0)
    act = entry("replace_boxes", object=f"{SHA}:polyps:0", box=FIRST, label="polyps", boxes=(new,))
    assert [row[:5] for row in corrected(make_table, act)] == [
        ("s/a:correction:polyps:0", *new),
        ("s/a:mask:polyps:0", *SECOND),
        ("s/a:source:polyps:0", *FIRST),
    ]


def test_a_label_is_set_for_one_object_or_for_all(make_table: MakeTable) -> None:
    one = corrected(make_table, entry("set_label", object=f"{SHA}:polyps:1", box=SECOND, label="instrument"))
    assert [row[0] for row in one] == ["s/a:mask:instrument:0", "s/a:mask:polyps:0", "s/a:source:polyps:0"]
    every = corrected(make_table, entry("set_label", label="instrument"))
    assert [row[0] for row in every] == ["s/a:mask:instrument:0", "s/a:mask:instrument:1", "s/a:source:polyps:0"]


def test_the_track_stays_with_the_one_box_that_replaces_one_of_it(make_table: MakeTable) -> None:
    images, regions = tables(make_table)
    tracked = regions.with_columns(track_id=pl.lit("t"), evidence=pl.lit("track"))
    act = entry("replace_boxes", object=f"{SHA}:polyps:1", box=SECOND, label="polyps", boxes=((1.0, 1.0, 9.0, 9.0),))
    matched = match_corrections([act], images, tracked, policy="audited", labels=LABELS)
    found = correct_regions(tracked, images, matched)
    assert found.filter(evidence="correction")["track_id"].to_list() == ["t"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (entry("exclude", image="s/z"), "s/z is not an image of this build"),
        (entry("exclude", image_sha256="f" * 64), f"s/a now has the sha256 {SHA}, the entry is about {'f' * 64}"),
        (entry("exclude", object=f"{SHA}:polyps:0", box=(9, 9, 30, 30)), "0 objects of s/a have the box"),
        (entry("exclude", object=f"{'e' * 64}:polyps:0", box=FIRST), f"{'e' * 64}:polyps:0 is not an object of"),
        (entry("set_label", label="cell"), "'cell' is not a label of the recipe, which has polyps, instrument"),
        (entry("replace_boxes", label="polyps", boxes=((0, 0, 101, 9),)), "the box (0, 0, 101, 9) is not"),
        (entry("replace_boxes", label="polyps", boxes=((5, 5, 5, 9),)), "the box (5, 5, 5, 9) is not"),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_match_is_named_with_its_file(
    make_table: MakeTable, wrong: Correction, message: str
) -> None:
    images, regions = tables(make_table)
    with pytest.raises(CorrectionProblem) as caught:
        match_corrections([wrong], images, regions, policy="audited", labels=LABELS)
    assert f"corrections: a.toml, [[corrections]] 1: {message}" in str(caught.value)


def test_two_entries_about_one_object_are_refused(make_table: MakeTable) -> None:
    images, regions = tables(make_table)
    two = [
        entry("set_label", label="instrument"),
        entry("set_label", label="polyps", where="b.toml, [[corrections]] 1"),
    ]
    with pytest.raises(CorrectionProblem, match=r"b\.toml, .*: a\.toml, .* is about the same object"):
        match_corrections(two, images, regions, policy="audited", labels=LABELS)


TWICE = entry("replace_boxes", label="instrument", boxes=(FIRST,))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (TWICE, TWICE, "a, 1 is about the same label of the image"),
        (entry("exclude"), entry("set_label", label="instrument"), "a, 1 excludes the whole image"),
        (entry("exclude"), entry("accept"), "a, 1 excludes the whole image"),
        (entry("exclude", image="s/b", image_sha256=SHA_B), entry("exclude"), None),
        (TWICE, entry("replace_boxes", label="polyps", boxes=(FIRST,)), None),
    ],
)
def test_two_entries_may_not_decide_about_one_label_or_an_excluded_image(
    make_table: MakeTable, first: Correction, second: Correction, message: str | None
) -> None:
    """Though neither has an object that the other has."""
    images, regions = tables(make_table)
    two = [replace(first, where="a, 1"), replace(second, where="a, 2")]
    expected = nullcontext() if message is None else pytest.raises(CorrectionProblem, match=f"a, 2: {message}")
    with expected:
        match_corrections(two, images, regions, policy="audited", labels=LABELS)


def withdrawal(sha256: str, pixels: str | None = None) -> Withdrawal:
    told = {"reason": "asked for", "reviewer": "A. B.", "date": "2026-11-21"}
    return Withdrawal(where="w", image_sha256=sha256, luma_blake3=pixels, **told)


def test_a_withdrawn_image_takes_its_copies_with_it(make_table: MakeTable) -> None:
    """Those of other bytes that show the same pixels; a withdrawal that matches nothing is no error."""
    rows = [
        {"sample_id": f"s/{name}", "luma_blake3": pixels * 64} for name, pixels in (("a", "1"), ("b", "1"), ("c", "2"))
    ]
    images = make_table("images", rows)
    assert sorted(find_withdrawn([withdrawal(SHA), withdrawal("9" * 64)], images, {})) == ["s/a", "s/b"]


def test_a_copy_in_other_bytes_stays_withdrawn_when_the_file_itself_is_gone(make_table: MakeTable) -> None:
    images = make_table("images", [{"sample_id": "s/b", "luma_blake3": "1" * 64}, {"sample_id": "s/c"}])
    assert list(find_withdrawn([withdrawal("9" * 64, "1" * 64)], images, {})) == ["s/b"]
    older = Withdrawal(
        where="w", image_sha256="9" * 64, pixel_sha256="2" * 64, reason="asked", reviewer="A. B.", date="2026-11-21"
    )
    assert list(find_withdrawn([older], images, {"s/b": "2" * 64})) == ["s/b"]
