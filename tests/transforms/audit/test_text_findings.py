"""Findings about text, metadata and frames that are in the data twice: kinds and counts, never a value."""

import numpy as np
import polars as pl

from medmultipoints.transforms.audit.text_findings import compare_frames, compare_masks, find_in_text, number_findings
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.examinations.joins import Join, join_table
from medmultipoints.transforms.masks.run_lengths import encode_rle

IMAGES = pl.DataFrame({"sample_id": ["s/a", "s/b"], "image_sha256": ["0" * 64, "1" * 64]})
SAMPLES = pl.DataFrame({"sample_id": ["s/a", "s/b"], "source": ["s", "s"], "stem": ["a", "b"]})
PLACES = pl.DataFrame(
    [
        ("s/a:0", "s/a", "date", "raster", [0, 0, 9, 9], "07/01/2015"),
        ("s/a:1", "s/a", "name", "ocr", [0, 9, 9, 19], "Name: Berg"),
        ("s/a:2", "s/a", "clock", "raster", [0, 19, 9, 29], "12:00:00"),
        ("s/a:3", "s/a", "clock", "raster", [0, 29, 9, 39], "00:10:00"),
        ("s/b:0", "s/b", "gps", "metadata", None, "EXIF GPS"),
        ("s/b:1", "s/b", "other", "metadata", None, "JPEG comment"),
        ("s/c:0", "s/c", "date", "raster", [0, 0, 9, 9], "08/01/2015"),
    ],
    schema=schema_of("text_places"),
    orient="row",
)


POLICY = dict.fromkeys(("date", "clock", "number", "other", "gps"), "report") | {"name": "redact"}


def mask(sample_id: str, left: int, width: int, side: int = 20) -> dict[str, object]:
    pixels = np.ones((4, width), np.uint8)
    return {
        "sample_id": sample_id, "evidence": "mask", "label": "polyps", "image_width": side, "image_height": side,
        "rle": encode_rle(pixels, left, 5, side, side),
    }  # fmt: skip


def test_one_finding_a_picture_and_kind_without_any_value() -> None:
    found = find_in_text(IMAGES, SAMPLES, PLACES, POLICY)
    assert [
        ("s/a", "shows_clock", "lines of the picture: 2"),
        ("s/a", "shows_date", "lines of the picture: 1"),
        ("s/a", "shows_name", "lines of the picture: 1"),
        ("s/b", "carries_gps", "in the file: EXIF GPS"),
        ("s/b", "carries_metadata", "in the file: JPEG comment"),
    ] == found.select("sample_id", "kind", "detail").sort("sample_id", "kind").rows()
    assert not {"2015", "Berg", "12:00"} & {word for word in ("2015", "Berg", "12:00") if word in str(found.rows())}


def test_findings_about_text_say_where_it_is_in_the_picture() -> None:
    found = find_in_text(IMAGES, SAMPLES, PLACES, POLICY)
    places = dict(found.select("finding_id", "places").rows())
    assert [[0, 19, 9, 29], [0, 29, 9, 39]] == places["s/a:shows_clock:0"]
    assert places["s/b:carries_gps:0"] is None


def test_each_finding_says_what_the_policy_did_about_its_kind() -> None:
    found = dict(find_in_text(IMAGES, SAMPLES, PLACES, POLICY).filter(sample_id="s/a").select("kind", "action").rows())
    assert "nothing was done: the privacy policy is to report" == found["shows_date"]
    assert "filled in the released picture, or removed from its file" == found["shows_name"]


def test_masks_of_one_frame_are_compared_where_both_show_it() -> None:
    one, two = pl.DataFrame([mask("s/a", 2, 8)]), pl.DataFrame([mask("s/b", 5, 8, 24)])
    assert 1.0 == compare_masks(one, two, 3, 0)
    assert 0.6 == compare_masks(one, two, 1, 0)
    assert None is compare_masks(one, two.clear(), 3, 0)


def test_twins_that_agree_are_noted_and_others_contradict() -> None:
    joins = join_table([Join(sample_id="s/a", other_id="s/b", kind="same_frame", inliers=300, dx=3, dy=0)])
    agreeing = pl.DataFrame([mask("s/a", 2, 8), mask("s/b", 5, 8, 24)])
    found = number_findings(compare_frames(agreeing, joins), IMAGES, SAMPLES)
    assert [("s/a", "same_frame", 1.0), ("s/b", "same_frame", 1.0)] == found.select("sample_id", "kind", "iou").rows()
    apart = pl.DataFrame([mask("s/a", 2, 8), mask("s/b", 9, 8, 24)])
    assert {"contradicting_copies"} == set(compare_frames(apart, joins)["kind"])
