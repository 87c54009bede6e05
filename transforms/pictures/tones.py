"""Measure the brightness and roughness of an object and its surroundings on a grid of points.

The grid takes every k-th column and row of the picture, with k = 1 for a mask area below 64 x 64 px, 2 below 96 x 96,
and so on: one to two thousand points for any size. The surroundings are the ring of points outside the object within 4
steps of it, across and down; dark points are ignored, such as a black frame. Brightness is the mean luma. Roughness is
the mean difference in luma between neighbouring points, across and down, both in the object or both in the ring. Sums
are sums of integers, so results are equal on every machine.
"""

from math import isqrt
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import box_of_rle, decode_rle_in
from medmultipoints.transforms.records import Tone

POINTS_ACROSS: Final = 32
"""Approximate least number of grid points across a large mask."""
RING_STEPS: Final = 4
LIT: Final = 16
"""Least luma of a point of the surroundings."""
LEAST_PAIRS: Final = 16
"""Least number of pairs of neighbouring points, in the mask and in the ring."""
Pixels = NDArray[np.uint8]
_REACH: Final = np.ones((2 * RING_STEPS + 1, 2 * RING_STEPS + 1), np.uint8)


def grid_step(area_px: int) -> int:
    """Return the distance between grid points in pixels for a mask of this area."""
    return max(1, isqrt(area_px) // POINTS_ACROSS)


def measure_tone(picture: NDArray[np.uint8], mask: NDArray[np.uint8], left: int, top: int, area_px: int) -> Tone | None:
    """Return the tone of an object, or None if mask or ring have too few points.

    ``picture``: height x width x 3, RGB. ``mask``: rows x columns of any rectangle that contains the object, 1 inside
    the object; its first pixel lies at ``left``, ``top`` of the picture.
    """
    step = grid_step(area_px)
    rows, columns = -(-picture.shape[0] // step), -(-picture.shape[1] // step)
    first_row, first_column = -(-top // step), -(-left // step)
    own = mask[first_row * step - top :: step, first_column * step - left :: step]
    up, before = min(first_row, RING_STEPS), min(first_column, RING_STEPS)
    down = min(rows - first_row - own.shape[0], RING_STEPS)
    after = min(columns - first_column - own.shape[1], RING_STEPS)
    if not own.size:
        return None
    inside = cv2.copyMakeBorder(np.ascontiguousarray(own), up, down, before, after, cv2.BORDER_CONSTANT, value=0)
    y, x = (first_row - up) * step, (first_column - before) * step
    luma = _luma(picture[y::step, x::step][: inside.shape[0], : inside.shape[1]])
    ring = (cv2.dilate(inside, _REACH) > inside) & (luma >= LIT)
    object_side, ring_side = _measure(luma, inside), _measure(luma, ring.view(np.uint8))
    return Tone(*object_side, *ring_side) if object_side and ring_side else None


def tone_of_rle(picture: NDArray[np.uint8], rle: str) -> Tone | None:
    """Return the tone of an object from its run-length code in the frame of the picture."""
    height, width = picture.shape[:2]
    box = box_of_rle(rle, height, width)
    own = decode_rle_in(rle, height, width, box).view(np.uint8)
    return measure_tone(picture, own, box[0], box[1], cv2.countNonZero(own))


def _luma(pixels: Pixels) -> Pixels:
    """Return the luma of ITU-R BT.601 in whole numbers: (77 R + 150 G + 29 B) / 256, rounded down."""
    red, green, blue = (pixels[..., channel].astype(np.uint16) for channel in range(3))
    return ((77 * red + 150 * green + 29 * blue) >> 8).astype(np.uint8)


def _measure(luma: Pixels, side: Pixels) -> tuple[float, float] | None:
    """Return mean luma and mean difference of neighbours over the points where ``side`` is 1."""
    across, down = side[:, 1:] & side[:, :-1], side[1:] & side[:-1]
    pairs = cv2.countNonZero(across) + cv2.countNonZero(down)
    if pairs < LEAST_PAIRS:
        return None
    steps = _total(cv2.absdiff(luma[:, 1:], luma[:, :-1]), across) + _total(cv2.absdiff(luma[1:], luma[:-1]), down)
    return round(_total(luma, side) / cv2.countNonZero(side), 2), round(steps / pairs, 2)


def _total(values: cv2.typing.MatLike, side: Pixels) -> int:
    """Return the sum of the values where ``side`` is 1, exact below 2^53."""
    return int(cv2.sumElems(cv2.multiply(values, side))[0])
