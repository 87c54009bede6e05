"""Connected components of binary pictures, by the fastest labelling of OpenCV."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def label_components(binary: NDArray[Any]) -> tuple[NDArray[np.int32] | NDArray[np.uint16], NDArray[np.int32]]:
    """Return the label of each pixel, and the statistics of each label; label 0 is the background.

    ``binary``: rows x columns of uint8, components are 8-connected; the order of labels is not defined. Labels of 16
    bits take half of the time of 32 bits, which are used where provisional labels are more than 16 bits hold.
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
