"""Find frames that occur twice, cropped and uncropped: at scale 1, shifted by whole pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.examinations.scene_pairs import SceneMatch

LEAST_INLIERS = 50
"""Least number of inliers: the same frame has hundreds, another view has fewer."""
SCALE_SLACK = 0.02
LEAST_CORRELATION, MOST_DIFFERENCE = 0.98, 4.0
"""Real copies correlate at 0.988 or more and differ by 1 to 2 gray levels on average."""
LEAST_SHARE = 0.25
"""Least share of the smaller picture that both show and that is not dark."""
DARK = 24
"""Greatest gray level of the border, which differs between two croppings of a frame."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SharedFrame:
    """Shift between two pictures of one frame: pixel (x, y) of the first is (x + dx, y + dy) of the second."""

    dx: int
    dy: int
    correlation: float
    difference: float


def may_share_frame(match: SceneMatch) -> bool:
    """Return whether a match of two scenes has enough inliers and scale 1, as two pictures of one frame have."""
    return match.inliers >= LEAST_INLIERS and abs(match.scale - 1) <= SCALE_SLACK


def find_shared_frame(first: Pixels, second: Pixels, match: SceneMatch) -> SharedFrame | None:
    """Return the shift at which two RGB pictures show one frame, or None."""
    one, two = (np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32) for pixels in (first, second))
    dx, dy = (round(value) for value in match.shift)
    tried = [_compare(one, two, dx + right, dy + down) for right in (-1, 0, 1) for down in (-1, 0, 1)]
    best = max((found for found in tried if found), key=lambda found: found.correlation, default=None)
    if best is None or best.correlation < LEAST_CORRELATION or best.difference > MOST_DIFFERENCE:
        return None
    return best


def shared_area(
    size: tuple[int, int], other: tuple[int, int], dx: int, dy: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the rows and columns of the common area in each picture; sizes are (height, width)."""
    (height, width), (other_height, other_width) = size, other
    top, left = max(0, -dy), max(0, -dx)
    bottom, right = min(height, other_height - dy), min(width, other_width - dx)
    own = (slice(top, max(top, bottom)), slice(left, max(left, right)))
    return own, (slice(top + dy, max(top, bottom) + dy), slice(left + dx, max(left, right) + dx))


def _compare(one: NDArray[np.float32], two: NDArray[np.float32], dx: int, dy: int) -> SharedFrame | None:
    own, others = shared_area((one.shape[0], one.shape[1]), (two.shape[0], two.shape[1]), dx, dy)
    lit = (one[own] > DARK) & (two[others] > DARK)
    left, right = one[own][lit], two[others][lit]
    if left.size < LEAST_SHARE * min(one.size, two.size):
        return None
    spread = float(left.std() * right.std())
    if spread == 0:
        return None
    correlation = float(((left - left.mean()) * (right - right.mean())).mean()) / spread
    return SharedFrame(dx, dy, round(correlation, 4), round(float(np.abs(left - right).mean()), 2))
