"""The measurements of a picture: shortcuts change no value."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.pictures import measure


def reddish(seed: int, *, short: int) -> NDArray[np.uint8]:
    """Random pixels whose red is half the largest channel less ``short``: the least that passes for no teal is 3."""
    largest, other = np.random.default_rng(seed).integers(0, 256, (2, 64, 52))
    other = np.minimum(largest, other)
    red = np.clip(-(-largest // 2) - short, 0, 255)
    return np.ascontiguousarray(np.stack([red, largest, other], axis=2).astype(np.uint8))


@pytest.mark.parametrize("seed", range(20))
def test_no_average_of_pixels_that_cannot_be_teal_is_teal(seed: int) -> None:
    for pixels in (reddish(seed, short=3), np.ascontiguousarray(reddish(seed, short=3)[..., [0, 2, 1]])):
        assert not measure._may_be_teal(pixels)
        for size in ((52, 64), (13, 16), (20, 25), (1, 1)):
            hsv = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2HSV)
            assert not cv2.inRange(hsv, measure.MARKER_LOW, measure.MARKER_HIGH).any()


def test_a_marker_is_measured_wherever_it_lies() -> None:
    pixels = np.full((120, 160, 3), (180, 90, 80), np.uint8)
    pixels[80:120, 0:40] = (20, 150, 140)
    assert measure._measure_marker(pixels) == pytest.approx(1 / 12, abs=1e-3)
