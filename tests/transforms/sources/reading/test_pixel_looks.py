"""Masks are distinguished from photographs by their pixels."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.sources.reading.pixel_looks import look_at


def mosaic(across: int, down: int, side: int = 8) -> NDArray[np.uint8]:
    """A picture of patches of one colour each."""
    patches = np.random.default_rng(1).integers(0, 256, (down, across, 3), dtype=np.uint8)
    return np.kron(patches, np.ones((side, side, 1), np.uint8))


def numbered() -> NDArray[np.uint8]:
    mask = np.zeros((72, 96, 3), np.uint8)
    for number in range(40):
        top, left = 9 * (number // 8), 12 * (number % 8)
        mask[top : top + 8, left : left + 10] = (number * 6, 255 - number, number)
    return mask


@pytest.mark.parametrize(
    ("picture", "drawing"),
    [(mosaic(12, 9), False), (mosaic(8, 6), False), (mosaic(2, 2, 40), True), (numbered(), True)],
)
def test_a_mosaic_of_many_colours_is_a_picture(picture: NDArray[np.uint8], drawing: bool) -> None:
    """Masks of many objects have a background; a picture of coloured patches has none."""
    look = look_at(bytes(cv2.imencode(".png", picture)[1].tobytes()))
    assert look is not None
    assert look.is_drawing == drawing
