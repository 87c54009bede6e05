"""Shapes on pixels: in their places, told apart, and seen on light and dark pictures."""

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.reporting.drawing import Figure, Shape
from medmultipoints.transforms.reporting.painting import paint

SQUARE = ((20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0))
HOLE = ((35.0, 35.0), (45.0, 35.0), (45.0, 45.0), (35.0, 45.0))


def painted(gray: int = 90, **more: object) -> np.ndarray:
    """A gray picture of 100 by 80 pixels with shapes."""
    figure = Figure("", "one", 100, 80, "", **more)  # type: ignore[arg-type]
    return np.asarray(paint(Image.new("RGB", (100, 80), (gray, gray, gray)), figure)).astype(int)


def test_a_box_leaves_its_inside_and_its_outside_as_they_were() -> None:
    found = painted(boxes=(("object", (20, 20, 60, 60)),))
    assert (found[24:56, 24:56] == 90).all()
    assert (found[:16] == 90).all()
    assert (found[20, 25:55, 0] > 200).all()


@pytest.mark.parametrize("gray", [0, 255])
def test_a_line_is_seen_on_black_and_on_white(gray: int) -> None:
    row = painted(gray, boxes=(("derived", (20, 20, 60, 60)),))[40]
    assert int(np.abs(row - gray).max()) > 80


def test_the_inside_of_a_mask_is_tinted_and_its_hole_is_not() -> None:
    found = painted(masks=(Shape("mask", outlines=(SQUARE, HOLE)),))
    assert found[27, 27, 2] > found[27, 27, 0]
    assert (found[40, 40] == 90).all()


def test_a_dashed_line_has_gaps_and_a_solid_one_has_none() -> None:
    solid = painted(boxes=(("object", (20, 20, 90, 60)),))[20, 24:86]
    dashed = painted(boxes=(("source", (20, 20, 90, 60)),))[20, 24:86]
    assert (solid[:, 0] > 150).all()
    assert 0.2 < (dashed[:, 0] < 100).mean() < 0.8
