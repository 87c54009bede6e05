"""Boxes: overlap, clipping, foreign conventions, and the published arithmetic against published values."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import (
    CocoBox,
    MotBox,
    VocBox,
    YoloBox,
    clip_box,
    from_coco,
    from_mot,
    from_voc,
    from_yolo,
    grow_box,
    iou,
    published_points,
    published_scale,
    released_size,
    round_to_tenths,
    scale_box,
    scale_boxes_float32,
    to_coco,
    to_mot,
    to_voc,
    to_yolo,
    ungrow_box,
)

FIRST_PIXEL = Box(0, 0, 1, 1)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 4, 2), 1.0),
        (Box(2, 0, 4, 2), 0.5),
        (Box(2, 0, 6, 2), 4 / 12),
        (Box(4, 0, 8, 2), 0.0),  # touching edges share no pixel
        (Box(9, 9, 12, 12), 0.0),
        (Box(1, 1, 1, 1), 0.0),  # no area
    ],
)
def test_iou_is_the_shared_part_of_both(other: Box, expected: float) -> None:
    assert expected == iou(Box(0, 0, 4, 2), other) == iou(other, Box(0, 0, 4, 2))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(-3, -2, 5, 6), Box(0, 0, 5, 6)),
        (Box(8, 1, 12, 9), Box(8, 1, 10, 8)),
        (Box(1, 1, 3, 3), Box(1, 1, 3, 3)),
        (Box(10, 0, 12, 4), None),  # begins where the image ends
        (Box(-4, 0, 0, 4), None),
    ],
)
def test_clipping_keeps_what_lies_inside_a_10_x_8_image(box: Box, expected: Box | None) -> None:
    assert expected == clip_box(box, 10, 8)


def test_scaling_multiplies_every_edge() -> None:
    assert Box(0.5, 1, 2, 3.5) == scale_box(Box(1, 2, 4, 7), 0.5)


def test_each_convention_states_the_first_pixel_in_its_own_way() -> None:
    assert CocoBox(0, 0, 1, 1) == to_coco(FIRST_PIXEL)
    assert VocBox(1, 1, 1, 1) == to_voc(FIRST_PIXEL)
    assert MotBox(1, 1, 1, 1) == to_mot(FIRST_PIXEL)
    assert YoloBox(0.05, 0.0625, 0.1, 0.125) == to_yolo(FIRST_PIXEL, 10, 8)


def test_each_convention_reads_the_first_pixel_back() -> None:
    assert FIRST_PIXEL == from_coco(CocoBox(0, 0, 1, 1)) == from_voc(VocBox(1, 1, 1, 1)) == from_mot(MotBox(1, 1, 1, 1))
    assert Box(0, 0, 10, 8) == from_yolo(YoloBox(0.5, 0.5, 1, 1), 10, 8)


def test_a_real_yolo_line_gives_the_pixels_that_the_annotator_set() -> None:
    assert Box(168, 189, 185, 207) == from_yolo(YoloBox(0.27578125, 0.4125, 0.0265625, 0.0375), 640, 480)


@pytest.mark.parametrize(
    ("box", "grown"),
    [
        (Box(39, 6, 430, 338), Box(38, 5, 430, 338)),
        (Box(0, 0, 10, 8), Box(0, 0, 10, 8)),
        (Box(2, 0, 10, 8), Box(1, 0, 10, 8)),
    ],
)
def test_growing_moves_left_and_top_out_by_a_pixel_inside_the_image(box: Box, grown: Box) -> None:
    assert grown == grow_box(box)
    assert box == ungrow_box(grown)


def test_a_source_box_at_0_is_read_as_starting_in_the_first_column() -> None:
    """Column 0 and column 1 grow to the same number; the larger box is taken."""
    assert grow_box(Box(1, 1, 5, 5)) == grow_box(Box(0, 0, 5, 5))
    assert Box(0, 0, 5, 5) == ungrow_box(Box(0, 0, 5, 5))


@pytest.mark.parametrize(
    ("size", "released"),
    [
        ((1348, 1070), (700, 555)),  # a published row
        ((768, 576), (700, 525)),
        ((1920, 1072), (700, 390)),
        ((622, 529), (622, 529)),
        ((700, 700), (700, 700)),
        ((576, 768), (525, 700)),
        ((5000, 3), (700, 1)),  # never less than a pixel
    ],
)
def test_released_sizes_are_the_integer_part(size: tuple[int, int], released: tuple[int, int]) -> None:
    assert released == released_size(*size, 700)


def test_no_width_loses_a_pixel_to_float_rounding() -> None:
    assert int(1161 * (700 / 1161)) == 699
    assert {700} == {released_size(width, 500, 700)[0] for width in range(700, 5000)}


def test_without_a_largest_side_nothing_is_scaled() -> None:
    assert (1.0, (1348, 1070)) == (published_scale(1348, 1070, None), released_size(1348, 1070, None))


def test_small_images_are_never_enlarged() -> None:
    assert 1.0 == published_scale(320, 240, 700)


def test_no_boxes_give_no_published_values() -> None:
    assert [] == scale_boxes_float32([], 0.5) == published_points([], 0.5)


def test_published_items_are_reproduced_from_the_source_json(real: Path) -> None:
    """Boxes equal every float32 digit, points equal to 0.1, for each item whose source box is at hand."""
    seen = {"boxes": 0, "points": 0, "scaled": 0, "counts": 0}
    for answer, entry in _published_answers(real):
        scale = published_scale(entry["width"], entry["height"], 700)
        boxes = [Box(b["xmin"], b["ymin"], b["xmax"], b["ymax"]) for b in entry["bbox"]]
        found = answer if isinstance(answer, dict) else {}
        listed = answer if isinstance(answer, list) else []
        expected_boxes = found.get("bbox_2d") or [each["bbox_2d"] for each in listed if "bbox_2d" in each]
        expected_points = found.get("point_2d") or [each["point_2d"] for each in listed if "point_2d" in each]
        if expected_boxes:
            assert expected_boxes == scale_boxes_float32(boxes, scale)
        if expected_points:
            assert expected_points == round_to_tenths(published_points(boxes, scale))
        assert len(boxes) == found.get("counts", len(boxes))
        seen["boxes"] += bool(expected_boxes)
        seen["points"] += bool(expected_points)
        seen["counts"] += "counts" in found
        seen["scaled"] += scale < 1
    assert {"boxes": 10, "points": 12, "scaled": 8, "counts": 22} == seen


def test_the_product_is_taken_in_float64() -> None:
    """A published instrument box; float32 x float32 gives other last digits."""
    published = [398.3072814941406, 392.8385314941406, 555.078125, 515.8854370117188]
    source = Box(437, 431, 609, 566)
    assert [published] == scale_boxes_float32([source], published_scale(768, 576, 700))
    in_float32 = np.array([437, 431, 609, 566], np.float32) * np.float32(700 / 768)
    assert not np.array_equal(published, in_float32)


def _published_answers(real: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    instruments = json.loads((real / "kvasir-instrument/bboxes.json").read_bytes())
    ids = json.loads((real / "medmultipoints/instrument_ids.json").read_bytes())
    by_hash = {each["image_sha256"]: instruments[each["source_id"]] for each in ids}
    with zipfile.ZipFile(real / "hyper-kvasir/hyper-kvasir-segmented-images.zip") as archive:
        polyps = json.loads(archive.read("segmented-images/bounding-boxes.json"))
    for line in (real / "medmultipoints/published_items.jsonl").read_text().splitlines():
        item = json.loads(line)
        entry = polyps.get(item.get("hyperkvasir_id")) or by_hash.get(item["image_sha256"])
        if entry:
            yield item["gt"], entry
