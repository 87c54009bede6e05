"""Objects as large as their frame, and masks that are white where there is no object."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Box

COVERS: Final = 0.98
"""An object whose box fills more of the frame than this covers it."""
BORDER_SHARE: Final = 0.98
"""So much of the border of an inverted mask is white."""


def covers_frame(box: Box, width: float, height: float) -> bool:
    """Return whether a half-open box touches all four borders or fills nearly the whole frame."""
    touches = box.x1 <= 0 and box.y1 <= 0 and box.x2 >= width and box.y2 >= height
    return touches or box.area > COVERS * width * height


def is_inverted(white: NDArray[np.bool_]) -> bool:
    """Return whether a mask (height x width) is white along its border and over most of it, but not everywhere."""
    border = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    return bool(border.mean() >= BORDER_SHARE and 0.5 < white.mean() < 1)
