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


def disk() -> NDArray[np.float64]:
    """A map of probabilities: 1 inside a disk, 0 far from it, a slope between."""
    rows, columns = np.mgrid[:80, :100]
    return 1 / (1 + np.exp((np.hypot(rows - 40, columns - 50) - 20) / 2))


@pytest.mark.parametrize(
    ("values", "extension", "soft"),
    [
        (disk().astype(np.float32), ".tif", True),
        ((disk() * 65535).astype(np.uint16), ".tif", True),
        ((disk() * 65535).astype(np.uint16), ".png", True),
        ((disk() * 255).astype(np.uint8), ".png", True),
        (((disk() > 0.5) * 255).astype(np.uint8), ".png", False),
        ((disk() * 100 + 100).astype(np.float32), ".tif", False),
        (mosaic(12, 9)[..., 0], ".png", False),
    ],
)
def test_a_map_of_probabilities_is_a_soft_mask(values: NDArray[np.generic], extension: str, soft: bool) -> None:
    look = look_at(bytes(cv2.imencode(extension, values)[1].tobytes()))
    assert look is not None
    assert soft == look.is_soft


def test_a_tiff_packed_by_lzw_is_looked_at() -> None:
    mask = ((disk() > 0.5) * 255).astype(np.uint8)
    look = look_at(bytes(cv2.imencode(".tif", mask, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()))
    assert look is not None
    assert look.is_drawing
    assert np.array_equal(mask, look.values)
