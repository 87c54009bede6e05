"""Boxes: overlap, clipping, other conventions, released sizes."""

import pytest

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import (
    CocoBox,
    MotBox,
    YoloBox,
    clip_box,
    iou,
    published_scale,
    released_size,
    to_coco,
    to_mot,
    to_yolo,
)
from tests.transforms.regions.box_inverses import from_coco, from_mot, from_yolo

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


def test_each_convention_states_the_first_pixel_in_its_own_way() -> None:
    assert CocoBox(0, 0, 1, 1) == to_coco(FIRST_PIXEL)
    assert MotBox(1, 1, 1, 1) == to_mot(FIRST_PIXEL)
    assert YoloBox(0.05, 0.0625, 0.1, 0.125) == to_yolo(FIRST_PIXEL, 10, 8)


def test_each_convention_reads_the_first_pixel_back() -> None:
    assert FIRST_PIXEL == from_coco(CocoBox(0, 0, 1, 1)) == from_mot(MotBox(1, 1, 1, 1))
    assert Box(0, 0, 10, 8) == from_yolo(YoloBox(0.5, 0.5, 1, 1), 10, 8)


def test_a_real_yolo_line_gives_the_pixels_that_the_annotator_set() -> None:
    assert Box(168, 189, 185, 207) == from_yolo(YoloBox(0.27578125, 0.4125, 0.0265625, 0.0375), 640, 480)


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
