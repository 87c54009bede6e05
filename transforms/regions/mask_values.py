"""What the values of a mask say: which pixels are objects, and when they do not say it.

A mask of 0 and 1, of class numbers or of dim gray is not empty: read with the usual threshold it would show nothing, or
a border alone. Such a mask is read as the recipe declares it, or refused with the values found.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import AnyLevels, ImageProblem

USUAL_THRESHOLD: Final = 128
FULL_RANGE_FROM: Final = 1 << 15
"""A 16-bit mask whose largest value reaches this uses the whole range; below, its values are numbers."""
PLATEAU_PX: Final = 20
"""So many pixels whose eight neighbours have their value are no blur and no noise: none of 120 lossy masks has 20."""
NOISE_LEVELS: Final = 8
"""Gray levels up to which the black of a JPEG is black."""
MOST_NAMED: Final = 8


def read_values(levels: AnyLevels, declared: int | None, *, lossy: bool = False) -> tuple[NDArray[np.uint8], int]:
    """Return the mask as 8-bit values and the threshold from which on they are objects.

    ``declared`` is the least value of an object in the file's own numbers; None: half of the range, and a mask with
    areas of further values is refused. 16-bit values count in full. ``lossy``: the file is a JPEG, whose black is not
    all 0.
    Errors: ImageProblem ``below_threshold`` where the mask is not empty but no pixel reaches the threshold,
    ``values_undeclared`` where it has areas of several values below it.
    """
    threshold = _threshold(levels, declared)
    _check_reached(levels, threshold)
    if declared is None:
        check_plateaus(levels, threshold, NOISE_LEVELS if lossy else 0)
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8, copy=False), min(threshold, 255)  # beyond 255 only an empty mask comes so far
    if threshold == USUAL_THRESHOLD << 8:
        return (levels >> 8).astype(np.uint8), USUAL_THRESHOLD
    return np.where(levels >= threshold, 255, 0).astype(np.uint8), USUAL_THRESHOLD


def _threshold(levels: AnyLevels, declared: int | None) -> int:
    if declared is not None:
        return declared
    return USUAL_THRESHOLD << 8 if int(levels.max()) >= FULL_RANGE_FROM else USUAL_THRESHOLD


def _check_reached(levels: AnyLevels, threshold: int) -> None:
    largest = int(levels.max())
    if 0 < largest < threshold:
        least = int(levels[levels > 0].min())
        raise ImageProblem(
            "below_threshold",
            f"it is not empty, but its largest value is {largest} and objects begin at {threshold} "
            f"(values found: {_describe(levels)}). If these are objects, set threshold = {least} in [boxes]",
        )


def check_plateaus(levels: AnyLevels, threshold: int, noise: int) -> None:
    """Refuse a mask whose pixels below the threshold are more than one background with blur and noise."""
    between = ((levels > 0) & (levels < threshold)).view(np.uint8)
    inside = cv2.erode(between, np.ones((3, 3), np.uint8))
    if cv2.countNonZero(inside) < PLATEAU_PX:
        return
    kernel = np.ones((3, 3), np.uint8)
    flat = (cv2.erode(levels, kernel) == cv2.dilate(levels, kernel)) & (levels < threshold)
    values, counts = np.unique(levels[flat], return_counts=True)
    plateaus = np.unique(np.where(values <= noise, 0, values)[counts >= PLATEAU_PX])
    if len(plateaus) > 1:
        raise ImageProblem(
            "values_undeclared",
            f"it has areas of the values {_describe(plateaus)} below {threshold}, and nothing says what they are "
            f"(all values: {_describe(levels)}). Set threshold in [boxes] to the least value of an object",
        )


def _describe(levels: NDArray[np.unsignedinteger]) -> str:
    """The distinct values, or how many there are and their range."""
    values = np.unique(levels).tolist()
    if len(values) <= MOST_NAMED:
        return ", ".join(map(str, values))
    return f"{len(values)} values from {values[0]} to {values[-1]}"
