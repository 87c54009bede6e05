"""Redaction fills exactly the listed boxes, and never an object silently."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.text.redact import fill_boxes, touched_objects

PIXELS = np.full((40, 60, 3), 90, np.uint8)


@given(st.integers(0, 50), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9))
def test_the_box_is_black_and_the_rest_is_as_it_was(left: int, top: int, width: int, height: int) -> None:
    filled = fill_boxes(PIXELS, [(left, top, left + width, top + height)])
    assert 3 * width * height == (filled == 0).sum()
    assert 90 == PIXELS.min()


def region(rle: str | None = None, **edges: float) -> dict[str, object]:
    box = {"x1": 20.0, "y1": 10.0, "x2": 30.0, "y2": 20.0} | edges
    return {"region_id": "r", "rle": rle, "image_height": 40, "image_width": 60} | box


def test_objects_count_by_their_mask_and_not_by_their_box() -> None:
    corner = np.zeros((10, 10), np.uint8)
    corner[9, 9] = 1
    rle = encode_rle(corner, 20, 10, 60, 40)
    assert [] == touched_objects([(18, 8, 29, 19)], [region(rle)], 1.0)
    assert ["r"] == touched_objects([(18, 8, 30, 20)], [region(rle)], 1.0)
    assert ["r"] == touched_objects([(18, 8, 29, 19)], [region()], 1.0)
    assert [] == touched_objects([(30, 8, 39, 19)], [region()], 1.0)


def test_boxes_of_a_smaller_picture_are_scaled_outwards() -> None:
    assert ["r"] == touched_objects([(14, 6, 16, 8)], [region()], 0.5)
    assert ["r"] == touched_objects([(3, 3, 11, 6)], [region()], 0.5)
    assert [] == touched_objects([(3, 3, 10, 5)], [region()], 0.5)
