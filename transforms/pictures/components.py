"""Find what is not black in a picture, and label connected components with OpenCV's fastest algorithm."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def label_components(binary: NDArray[Any]) -> tuple[NDArray[np.int32] | NDArray[np.uint16], NDArray[np.int32]]:
    """Return the label of each pixel, and the statistics of each label; label 0 is the background.

    ``binary``: rows x columns of uint8, components are 8-connected; the order of labels is undefined. 16-bit labels
    take half the time; 32-bit ones are used if provisional labels overflow 16 bits.
    """
    try:
        _, labels, statistics, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
            binary, 8, cv2.CV_16U, cv2.CCL_SPAGHETTI
        )
    except cv2.error:
        _, labels, statistics, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
            binary, 8, cv2.CV_32S, cv2.CCL_SPAGHETTI
        )
    return labels, statistics


def lit_part(levels: NDArray[Any]) -> tuple[slice, slice]:
    """Return rows and columns of the bounding box of all values above 0; both are empty without any."""
    columns = np.flatnonzero(levels.max(axis=0))
    if not len(columns):
        return slice(0, 0), slice(0, 0)
    left, right = int(columns[0]), int(columns[-1]) + 1
    rows = np.flatnonzero(levels[:, left:right].max(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(left, right)
