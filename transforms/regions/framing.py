"""Detect objects that fill the frame and masks that are inverted."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Box

COVERS: Final = 0.98
"""Share of the frame above which a box counts as covering it."""
BORDER_SHARE: Final = 0.98
"""Least share of white border pixels in an inverted mask."""
AROUND_SHARE: Final = 0.4
"""Share of the frame above which an object around a dark area may be the background."""
HOLE_SHARE: Final = 0.01
"""Least share of the frame of a dark area inside a white one that is more than a scratch."""


def covers_frame(box: Box, width: float, height: float) -> bool:
    """Return whether a half-open box touches all four borders or fills nearly the whole frame."""
    touches = box.x1 <= 0 and box.y1 <= 0 and box.x2 >= width and box.y2 >= height
    return touches or box.area > COVERS * width * height


def is_inverted(white: NDArray[np.bool_]) -> bool:
    """Return whether a mask (height x width) is white along its border and over most of it, but not everywhere."""
    border = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    return bool(border.mean() >= BORDER_SHARE and 0.5 < white.mean() < 1)


def _has_hole(white: NDArray[np.bool_]) -> bool:
    """Return whether a dark area touches no border: 0.03 ms in place of 0.6 for labelling all dark areas."""
    _, hierarchy = cv2.findContours(white.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return bool((hierarchy[0, :, 3] >= 0).any())


def may_be_inverted(white: NDArray[np.bool_]) -> bool:
    """Return whether a mask is white over much of the frame and around a dark area."""
    height, width = white.shape
    if cv2.countNonZero(white.view(np.uint8)) <= AROUND_SHARE * white.size or not _has_hole(white):
        return False
    dark = np.ascontiguousarray(~white).view(np.uint8)
    _, _, found, _ = cv2.connectedComponentsWithStats(dark, connectivity=4, ltype=cv2.CV_32S)
    left, top, across, down, area = found[1:].T
    inside = (left > 0) & (top > 0) & (left + across < width) & (top + down < height)
    return bool((inside & (area >= HOLE_SHARE * white.size)).any())
