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
FEW_VALUES: Final = 32
"""Masks that were blurred or came from a JPEG hold more values; codes are fewer."""
TWO_VALUES: Final = 2
_NEIGHBOURS: Final = np.ones((3, 3), np.uint8)


def read_values(levels: AnyLevels, declared: int | None, *, lossy: bool = False) -> tuple[NDArray[np.uint8], int]:
    """Return the mask as 8-bit values and the threshold from which on they are objects.

    ``declared`` is the least value of an object in the file's own numbers; None: half of the range, and a mask with
    areas of further values is refused. 16-bit values count in full. ``lossy``: the file is a JPEG, whose black is not
    all 0.
    Errors: ImageProblem ``below_threshold`` where the mask is not empty but no pixel reaches the threshold,
    ``values_undeclared`` where it has areas of several values on one side of it, ``values_merged`` where areas of
    several values from a declared threshold on touch.
    """
    threshold = _threshold(levels, declared)
    _check_reached(levels, threshold)
    if declared is None:
        check_plateaus(levels, threshold, lossy=lossy)
    elif not lossy:
        _check_merged(levels, declared)
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
            f"(values found: {_describe(levels)}). If these are objects, set threshold = {least} in [boxes]"
            + ", or mask_values in [sources.NAME] to the label of each value"
            * (len(np.unique(levels)) > TWO_VALUES),
        )


def check_plateaus(levels: AnyLevels, threshold: int, *, lossy: bool) -> None:
    """Refuse a mask with areas of several values below the threshold, or of several from it on.

    Blur and noise have no areas. Below, the background may be one value; from the threshold on, several values are
    several classes or objects, which would be taken for one.
    """
    top = int(levels.max())
    black = NOISE_LEVELS if lossy else 0
    most = top - 1 if top >= threshold else top
    if most < 1:
        return
    further = cv2.inRange(levels, np.array(1), np.array(most))  # than 0 and, where it is an object's, the largest
    if cv2.countNonZero(cv2.erode(further, _NEIGHBOURS)) < PLATEAU_PX:
        return
    flat = levels[cv2.erode(levels, _NEIGHBOURS) == cv2.dilate(levels, _NEIGHBOURS)]
    values, counts = np.unique(flat, return_counts=True)
    values = values[counts >= PLATEAU_PX]
    below = np.unique(np.where(values <= black, 0, values)[values < threshold])
    above = np.unique(np.where(values >= top - _white_noise(levels, lossy), top, values)[values >= threshold])
    for plateaus, side in ((below, "below"), (above, "from")):
        if len(plateaus) > 1:
            raise ImageProblem(
                "values_undeclared",
                f"it has areas of several values {side} {threshold}{' on' * (side == 'from')} ({_describe(plateaus)}), "
                f"and nothing says what they are (all values: {_describe(levels)}). Set threshold in [boxes] to the "
                "least value of an object, or mask_values in [sources.NAME] to the label of each value",
            )


def _check_merged(levels: AnyLevels, declared: int) -> None:
    """Refuse a mask of exact codes whose objects would grow together where they touch."""
    inside = levels >= declared
    values = np.unique(levels[inside])
    if not 1 < len(values) <= FEW_VALUES:
        return
    apart = sum(_count_parts(levels == value) for value in values)
    if _count_parts(inside) < apart:
        raise ImageProblem(
            "values_merged",
            f"areas of several values ({_describe(values)}) touch, and from the threshold {declared} on they would be "
            "one object. Set mask_values in [sources.NAME] to the label of each value",
        )


def _count_parts(inside: NDArray[np.bool_]) -> int:
    """Return the number of 8-connected areas that are no specks."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return int(np.count_nonzero(statistics[1:, cv2.CC_STAT_AREA] >= PLATEAU_PX))


def _white_noise(levels: AnyLevels, lossy: bool) -> int:
    """Return how far below its largest value a mask may be white: not at all where it holds a few exact values."""
    if not lossy and len(np.unique(levels)) <= FEW_VALUES:
        return 0
    return NOISE_LEVELS if int(levels.max()) < FULL_RANGE_FROM else NOISE_LEVELS << 8


def _describe(levels: AnyLevels | NDArray[np.generic]) -> str:
    """Return the distinct values, or how many there are and their range."""
    values = np.unique(levels).tolist()
    if len(values) <= MOST_NAMED:
        return ", ".join(map(str, values))
    return f"{len(values)} values from {values[0]} to {values[-1]}"
