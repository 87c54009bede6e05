"""How bright and how rough an object is, and what lies around it: measured on a grid of points, in whole numbers.

The grid takes every k-th column and row of the picture, counted from its first, with k = 1 for a mask of an area below
64 x 64 px, 2 below 96 x 96, and so on: one or two thousand points for any size. Around the object lies the ring of
points at most 4 steps from one of its own, across and down, that are not its own and are lit: a black frame around a
picture is no surrounding. Brightness is the mean luma; roughness is the mean difference in luma from a point to the
next of the same side, across and down. Every sum is one of integers, so no machine gives other values than another.
"""

from math import isqrt
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Tone

POINTS_ACROSS: Final = 32
"""The grid has about so many points across a large mask, at least."""
RING_STEPS: Final = 4
LIT: Final = 16
"""Darker points are no surroundings."""
LEAST_PAIRS: Final = 16
"""Of neighbouring points, in the mask and in the ring; with fewer nothing is said."""
Pixels = NDArray[np.uint8]
_REACH: Final = np.ones((2 * RING_STEPS + 1, 2 * RING_STEPS + 1), np.uint8)


def grid_step(area_px: int) -> int:
    """Return pixels from one point of the grid to the next, for a mask of this area."""
    return max(1, isqrt(area_px) // POINTS_ACROSS)


def measure_tone(picture: NDArray[np.uint8], mask: NDArray[np.uint8], left: int, top: int, area_px: int) -> Tone | None:
    """Return the tone of an object; None where mask or ring hold too few points.

    ``picture``: height x width x 3, RGB. ``mask``: rows x columns of a rectangle that holds the object, 1 inside it;
    its first pixel lies at ``left``, ``top`` of the picture. Any such rectangle gives the same.
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


def _luma(pixels: Pixels) -> Pixels:
    """Return luma of ITU-R BT.601 in whole numbers: (77 R + 150 G + 29 B) / 256, rounded down."""
    red, green, blue = (pixels[..., channel].astype(np.uint16) for channel in range(3))
    return ((77 * red + 150 * green + 29 * blue) >> 8).astype(np.uint8)


def _measure(luma: Pixels, side: Pixels) -> tuple[float, float] | None:
    """Return mean luma and mean difference of neighbours; ``side`` is 1 where a point counts."""
    across, down = side[:, 1:] & side[:, :-1], side[1:] & side[:-1]
    pairs = cv2.countNonZero(across) + cv2.countNonZero(down)
    if pairs < LEAST_PAIRS:
        return None
    steps = _total(cv2.absdiff(luma[:, 1:], luma[:, :-1]), across) + _total(cv2.absdiff(luma[1:], luma[:-1]), down)
    return round(_total(luma, side) / cv2.countNonZero(side), 2), round(steps / pairs, 2)


def _total(values: cv2.typing.MatLike, side: Pixels) -> int:
    """Return the sum where a point counts: of whole numbers below 2^53, so exact."""
    return int(cv2.sumElems(cv2.multiply(values, side))[0])
