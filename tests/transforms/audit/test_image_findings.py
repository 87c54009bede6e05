"""What the audit says of pictures: each rule on its own, and the glance that it rests on."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.audit.image_findings import find_blurred, find_in_pictures, near_findings
from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema
from medmultipoints.transforms.pictures.decode import encode_jpeg
from medmultipoints.transforms.pictures.measure import measure_picture
from medmultipoints.transforms.pictures.thumbnails import gray_levels, pack, unpack

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
Pixels = NDArray[np.uint8]
RAMP = pack(np.arange(1024).reshape(32, 32).astype(np.uint8))
PLAIN = {"thumbnail": RAMP, "sharpness": 12.0, "glyphs": 1, "marker_share": 0.0}


def levels(thumbnails: dict[str, str]) -> pl.DataFrame:
    """Mean and spread of each thumbnail, as the table of thumbnails has them."""
    level, spread = gray_levels(unpack([*thumbnails.values()]))
    return pl.DataFrame({"sample_id": [*thumbnails], "level": level, "spread": spread})


def judged(images: pl.DataFrame, samples: pl.DataFrame, known: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """The findings about these pictures, compared with each other."""
    blurred = find_blurred(images.lazy(), samples.lazy(), known.lazy(), facts.lazy())
    return find_in_pictures(images, samples, known, facts, blurred)


def findings(make_table: MakeTable, **changes: Any) -> list[tuple[str, str]]:
    """Kind and severity of what is said of one picture among four plain ones."""
    rows = [{"sample_id": f"s/{name}"} | PLAIN for name in "bcde"] + [{"sample_id": "s/a"} | PLAIN | changes]
    size = {name: changes[name] for name in ("original_width", "original_height") if name in changes}
    images = make_table(
        "images", [{"sample_id": row["sample_id"]} for row in rows[:-1]] + [{"sample_id": "s/a"} | size]
    )
    samples = make_table("samples", [{"sample_id": row["sample_id"]} for row in rows])
    facts = pl.DataFrame([{name: row[name] for name in polars_schema(load_table("picture_facts"))} for row in rows])
    found = judged(images, samples, levels({row["sample_id"]: row["thumbnail"] for row in rows}), facts)
    assert dict(found.schema) == polars_schema(load_table("disagreements"))
    assert set(found["sample_id"]) <= {"s/a"}
    return found.select("kind", "severity").rows()


def test_without_pictures_nothing_is_found(make_table: MakeTable) -> None:
    """Where a reviewer excluded all of them."""
    facts = pl.DataFrame(schema=polars_schema(load_table("picture_facts")))
    known = empty_frame(load_table("thumbnails"))
    assert judged(make_table("images", []), make_table("samples", []), known, facts).is_empty()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"thumbnail": pack(np.full((32, 32), 90, np.uint8))}, [("near_uniform", "warning")]),
        ({"thumbnail": pack(np.zeros((32, 32), np.uint8)), "sharpness": None}, [("near_uniform", "warning")]),
        ({"thumbnail": pack((np.arange(1024).reshape(32, 32) % 30).astype(np.uint8))}, [("dark", "warning")]),
        ({"sharpness": 3.0}, [("blurred", "info")]),
        ({"original_width": 201, "original_height": 100}, [("odd_aspect", "info")]),
        ({"original_width": 100, "original_height": 201}, [("odd_aspect", "info")]),
        ({"original_width": 200, "original_height": 100}, []),
        ({"glyphs": 5}, [("overlay_text", "info")]),
        ({"marker_share": 0.05}, [("position_marker", "info")]),
    ],
)
def test_each_rule_names_its_pictures_and_no_other(
    make_table: MakeTable, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert findings(make_table, **changes) == expected


def test_a_source_whose_pictures_are_all_soft_has_no_blurred_ones(make_table: MakeTable) -> None:
    rows = [{"sample_id": f"s/{name}"} for name in "abc"]
    images, samples = make_table("images", rows), make_table("samples", rows)
    facts = pl.DataFrame([row | {"sharpness": 2.0, "glyphs": 0, "marker_share": 0.0} for row in rows])
    assert judged(images, samples, levels({row["sample_id"]: RAMP for row in rows}), facts).is_empty()


def test_a_picture_that_was_not_looked_at_is_judged_by_its_thumbnail_alone(make_table: MakeTable) -> None:
    rows = [{"sample_id": "s/a"}]
    facts = pl.DataFrame(schema=polars_schema(load_table("picture_facts")))
    found = judged(make_table("images", rows), make_table("samples", rows), levels({"s/a": "00" * 1024}), facts)
    assert found["kind"].to_list() == ["near_uniform"]


def textured(height: int = 480, width: int = 600) -> Pixels:
    """Reddish noise that is sharp."""
    rng = np.random.default_rng(1)
    fine = cv2.resize(rng.integers(-25, 25, (height // 3, width // 3)).astype(np.float32), (width, height))
    return np.clip(np.array([150, 80, 70]) + fine[..., None], 0, 255).astype(np.uint8)


def test_a_blurred_picture_is_less_sharp_at_any_size() -> None:
    for factor in (1, 2):
        whole = cv2.resize(textured(), None, fx=factor, fy=factor)
        sharp = measure_picture(encode_jpeg(np.ascontiguousarray(whole), 90)).sharpness
        soft = measure_picture(
            encode_jpeg(np.asarray(cv2.GaussianBlur(whole, (0, 0), 5 * factor), np.uint8), 90)
        ).sharpness
        assert sharp is not None
        assert soft is not None
        assert soft < 2 < 4 < sharp


def test_a_black_picture_has_no_sharpness_and_a_tiny_one_neither() -> None:
    assert measure_picture(encode_jpeg(np.zeros((64, 64, 3), np.uint8), 90)).sharpness is None
    assert measure_picture(encode_jpeg(np.full((9, 9, 3), 90, np.uint8), 90)).sharpness is None


def test_letters_in_a_line_are_counted() -> None:
    smooth = np.asarray(cv2.GaussianBlur(textured(), (0, 0), 3), np.uint8)
    written = smooth.copy()
    cv2.putText(written, "12/03/2015", (10, 200), cv2.FONT_HERSHEY_PLAIN, 1.0, (255, 255, 255), 1)
    assert measure_picture(encode_jpeg(smooth, 90)).glyphs == 0
    assert measure_picture(encode_jpeg(written, 90)).glyphs >= 5


def test_a_teal_rectangle_is_measured_and_a_green_stain_is_not() -> None:
    marked, stained = textured(), textured()
    marked[380:, :150] = (15, 165, 135)
    cv2.line(marked, (60, 400), (90, 470), (10, 10, 10), 2)
    stained[380:, :150] = (120, 150, 40)
    assert measure_picture(encode_jpeg(marked, 90)).marker_share == pytest.approx(100 * 150 / (480 * 600), rel=0.1)
    assert measure_picture(encode_jpeg(stained, 90)).marker_share == 0


def test_png_pictures_are_looked_at_too() -> None:
    data = cv2.imencode(".png", cv2.cvtColor(textured(), cv2.COLOR_RGB2BGR))[1].tobytes()
    assert measure_picture(data).sharpness == pytest.approx(
        measure_picture(encode_jpeg(textured(), 95)).sharpness, rel=0.2
    )


def test_both_images_of_a_pair_get_a_finding(make_table: MakeTable) -> None:
    """An image with two near-duplicates has two, numbered."""
    rows = [{"sample_id": f"s/{name}"} for name in "abc"]
    pairs = [{"sample_id": "s/a", "other_id": "s/b"}, {"sample_id": "s/a", "other_id": "s/c"}]
    images, samples = make_table("images", rows), make_table("samples", rows)
    found = near_findings(make_table("near_duplicates", pairs), images, samples)
    assert dict(found.schema) == polars_schema(load_table("disagreements"))
    assert sorted(found["finding_id"]) == [
        "s/a:near_duplicate:0", "s/a:near_duplicate:1", "s/b:near_duplicate:0", "s/c:near_duplicate:0",
    ]  # fmt: skip
    assert set(found["kind"]) == {"near_duplicate"}
    assert set(found["severity"]) == {"info"}
    assert dict(found.select("sample_id", "stem").iter_rows()) == {"s/a": "a", "s/b": "b", "s/c": "c"}


def test_no_pairs_give_no_findings(make_table: MakeTable) -> None:
    rows = [{"sample_id": "s/a"}]
    found = near_findings(make_table("near_duplicates", []), make_table("images", rows), make_table("samples", rows))
    assert dict(found.schema) == polars_schema(load_table("disagreements"))
    assert found.is_empty()
