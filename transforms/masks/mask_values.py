"""Decide from the values of a mask which pixels are objects, or refuse an ambiguous mask.

A mask of 0 and 1, of class numbers or of dim gray would look empty under the usual threshold of 128. Such a mask is
read as the recipe declares it, or refused with the values found.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.components import lit_part
from medmultipoints.transforms.pictures.decode import AnyLevels, ImageProblem

USUAL_THRESHOLD: Final = 128
FULL_RANGE_FROM: Final = 1 << 15
"""A 16-bit mask whose largest value reaches this uses the whole range; below it, the values are codes."""
PLATEAU_PX: Final = 20
"""Least number of pixels equal to all 8 neighbours that rules out blur and noise; none of 120 lossy masks has 20."""
EXACT_PLATEAU_PX: Final = 4
"""The same for a mask of few exact values: an object of 4 x 4 pixels has 4."""
APART_LEVELS: Final = 16
"""Gray levels up to which dim pixels of a lossy mask are ignored; measured on 120 lossy masks."""
GRAIN_LEVELS: Final = 32
"""Gray levels by which a pixel differs from the median around it only in noise."""
BLOCK_PX: Final = 8
NOISE_LEVELS: Final = 8
"""Gray levels up to which a JPEG pixel counts as black."""
MOST_NAMED: Final = 8
FEW_VALUES: Final = 32
"""Greatest number of values of a mask of codes; blurred masks and JPEGs have more."""
TWO_VALUES: Final = 2
Levels8 = NDArray[np.uint8]
_REACH: Final = 2 * BLOCK_PX + 1
LEAST_SIDE: Final = 2 * _REACH
"""Least side of a mask whose black surroundings are left out."""
_NEIGHBOURS: Final = np.ones((3, 3), np.uint8)


def read_values(levels: AnyLevels, declared: int | None, *, lossy: bool = False) -> tuple[NDArray[np.uint8], int]:
    """Return the mask as 8-bit values, and the lowest value of an object.

    ``declared``: lowest value of an object in the file's own numbers. None means half of the range, and then a mask
    with areas of further values is refused. ``lossy``: the file is a JPEG, whose black is not exactly 0.
    Errors: ImageProblem ``below_threshold`` if the mask is not empty but no pixel reaches the threshold,
    ``values_undeclared`` if areas on one side of the threshold have several values, ``values_merged`` if touching
    areas of several values would become one object, ``threshold_in_noise`` if a declared threshold is within the
    noise of a JPEG.
    """
    part = levels[_around(levels)]
    threshold = _threshold(part, declared)
    _check_reached(part, threshold, lossy=lossy)
    if declared is None:
        check_plateaus(part, threshold, lossy=lossy)
    elif lossy:
        _check_noise(part, declared)
    else:
        _check_merged(part, declared)
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8, copy=False), min(threshold, 255)  # above 255 only an empty mask gets here
    if threshold == USUAL_THRESHOLD << 8:
        return (levels >> 8).astype(np.uint8), USUAL_THRESHOLD
    return np.where(levels >= threshold, 255, 0).astype(np.uint8), USUAL_THRESHOLD


def _around(levels: AnyLevels) -> tuple[slice, slice]:
    """Return rows and columns of all values above 0 and of the black that the checks look at around them.

    A quarter of most masks, with the same outcome of each check.
    """
    if min(levels.shape) < LEAST_SIDE:
        return slice(None), slice(None)
    rows, columns = lit_part(levels)
    return _grown(rows), _grown(columns)


def _grown(part: slice) -> slice:
    return slice(max(part.start - _REACH, 0), part.stop + _REACH)


def _threshold(levels: AnyLevels, declared: int | None) -> int:
    if declared is not None:
        return declared
    return USUAL_THRESHOLD << 8 if int(levels.max()) >= FULL_RANGE_FROM else USUAL_THRESHOLD


def _check_reached(levels: AnyLevels, threshold: int, *, lossy: bool) -> None:
    largest = int(levels.max())
    if 0 < largest < threshold:
        raise ImageProblem(
            "below_threshold",
            f"it is not empty, but its largest value is {largest} and objects begin at {threshold} "
            f"(values found: {_describe(levels)}). {_remedy(levels, largest, lossy=lossy)}",
        )


def _remedy(levels: AnyLevels, largest: int, *, lossy: bool) -> str:
    """Return the remedy for a mask below the threshold; for a JPEG, half of its largest value is far from noise."""
    if lossy and largest <= NOISE_LEVELS:
        return "A JPEG is not exact enough to separate such values from noise: save the mask as PNG"
    if lossy:
        return f"If these are objects, set threshold = {largest // 2 + 1} in [boxes], or save the mask as PNG"
    declared = f"If these are objects, set threshold = {int(levels[levels > 0].min())} in [boxes]"
    several = len(np.unique(levels)) > TWO_VALUES
    return declared + ", or mask_values in [sources.NAME] to the label of each value" * several


def check_plateaus(levels: AnyLevels, threshold: int, *, lossy: bool) -> None:
    """Raise ImageProblem if the mask has areas of several values on one side of the threshold.

    Blur and noise have no areas. Below the threshold, only one background value is allowed, and no separate dim area;
    above it, several values are several classes or objects, which would be merged into one. Raise it, too, if the
    values of an exact mask are noise.
    """
    top = int(levels.max())
    most = top - 1 if top >= threshold else top
    if most <= 0:
        return
    further = np.asarray(cv2.inRange(levels, np.array(1), np.array(most)), np.uint8)  # neither 0 nor the largest
    if not cv2.countNonZero(further):
        return
    exact = not lossy and len(np.unique(levels)) <= FEW_VALUES
    if not lossy and not exact:
        _check_grain(levels)
    enough, black = EXACT_PLATEAU_PX if exact else PLATEAU_PX, NOISE_LEVELS if lossy else 0
    white = 0 if exact else NOISE_LEVELS if top < FULL_RANGE_FROM else NOISE_LEVELS << 8  # so far below the largest
    values = _plateaus(levels, further, enough, (black, max(threshold, top - white)))
    below = np.unique(np.where(values <= black, 0, values)[values < threshold])
    above = np.unique(np.where(values >= top - white, top, values)[values >= threshold])
    if len(below) < 2 and _lies_apart(levels, threshold, exact=exact):
        below = np.unique(levels[levels < threshold])
    if len(below) > 1:
        raise _undeclared(levels, f"below {threshold} ({_describe(below)})", lossy)
    if len(above) > 1:
        raise _undeclared(levels, f"from {threshold} on ({_describe(above)})", lossy)


def _check_grain(levels: AnyLevels) -> None:
    """Raise ImageProblem if a tenth of the pixels inside of areas differ from their surroundings, as noise does.

    Soft edges are smooth, and a threshold divides objects of noise at any place.
    """
    inside = cv2.erode((levels > 0).astype(np.uint8), _NEIGHBOURS)
    apart = GRAIN_LEVELS << 8 if int(levels.max()) >= FULL_RANGE_FROM else GRAIN_LEVELS
    rough = cv2.absdiff(levels, cv2.medianBlur(np.ascontiguousarray(levels), 3)) > apart
    grains = np.count_nonzero(rough & (inside > 0))
    if grains >= PLATEAU_PX and grains * 10 > cv2.countNonZero(inside):
        raise ImageProblem(
            "values_unclear",
            f"{grains:,} pixels inside of its areas differ from those around them by more than {apart}, as noise does "
            f"(values found: {_describe(levels)}): which are the object? Save the mask with one value for each label",
        )


def _undeclared(levels: AnyLevels, where: str, lossy: bool) -> ImageProblem:
    return ImageProblem(
        "values_undeclared",
        f"it has areas of several values {where}, and nothing says what they are (all values: {_describe(levels)}). "
        "Set threshold in [boxes] to the least value of an object, or "
        + "save the mask as PNG and set " * lossy
        + "mask_values in [sources.NAME] to the label of each value",
    )


def _plateaus(levels: AnyLevels, further: Levels8, enough: int, usual: tuple[int, int]) -> AnyLevels:
    """Return the values with at least ``enough`` pixels equal to all 8 neighbours, none if ``further`` has no area.

    ``further``: nonzero for pixels of neither black nor the largest value; ``usual``: range of other values outside
    of which a value is black or white. Reads the surroundings of these pixels, and the whole mask only if a value lies
    within the range: 0.3 ms in place of 0.5 for a JPEG of one object.
    """
    around = _surroundings(further, 1)
    if cv2.countNonZero(cv2.erode(further[around], _NEIGHBOURS)) < enough:
        return levels[:0, 0]
    values = _flat_values(levels[around], enough)
    black, white = usual
    return _flat_values(levels, enough) if ((values > black) & (values < white)).any() else values


def _flat_values(levels: AnyLevels, enough: int) -> AnyLevels:
    flat = levels[cv2.erode(levels, _NEIGHBOURS) == cv2.dilate(levels, _NEIGHBOURS)]
    found, counts = np.unique(flat, return_counts=True)
    values: AnyLevels = found[counts >= enough]
    return values


def _surroundings(chosen: Levels8, reach: int) -> tuple[slice, slice]:
    """Return rows and columns of the bounding box of nonzero pixels and ``reach`` pixels around it."""
    left, top, width, height = cv2.boundingRect(chosen)
    return slice(max(top - reach, 0), top + height + reach), slice(max(left - reach, 0), left + width + reach)


def _lies_apart(levels: AnyLevels, threshold: int, *, exact: bool) -> bool:
    """Return whether an area below the threshold is separate: neither a soft edge nor JPEG noise near an object.

    Reads the surroundings of the dim pixels only: 0.06 ms in place of 0.8 for a JPEG of one object.
    """
    scale = 1 << 8 if threshold > 1 << 8 else 1
    least = 1 if exact else APART_LEVELS * scale + 1
    dim = cv2.inRange(levels, np.array(least), np.array(threshold - 1))
    if cv2.countNonZero(dim) < PLATEAU_PX:
        return False
    reach = 3 if exact else _REACH
    around = _surroundings(dim, reach)
    dim = np.ascontiguousarray(dim[around])
    objects = (levels[around] >= threshold).view(np.uint8)
    near = cv2.dilate(objects, np.ones((reach, reach), np.uint8))
    if cv2.countNonZero(dim) - cv2.countNonZero(cv2.bitwise_and(dim, dim, mask=near)) < PLATEAU_PX:
        return False
    _, areas, statistics, _ = cv2.connectedComponentsWithStats(dim, connectivity=8, ltype=cv2.CV_32S)
    large = np.flatnonzero(statistics[:, cv2.CC_STAT_AREA] >= PLATEAU_PX)
    return bool(np.setdiff1d(large[large > 0], areas[near > 0]).size)


def _check_merged(levels: AnyLevels, declared: int) -> None:
    """Raise ImageProblem if touching areas of different codes would become one object."""
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


def _check_noise(levels: AnyLevels, declared: int) -> None:
    """Raise ImageProblem if pixels of a lossy mask far from bright ones reach a very low threshold."""
    largest = int(levels.max())
    if declared * BLOCK_PX > largest:
        return
    bright = (levels > largest // 2).view(np.uint8)
    doubtful = (levels >= declared) & (cv2.dilate(bright, np.ones((5, 5), np.uint8)) == 0)
    if np.count_nonzero(doubtful) >= PLATEAU_PX:
        raise ImageProblem(
            "threshold_in_noise",
            f"{np.count_nonzero(doubtful):,} pixels far from its objects reach the threshold {declared}, which the "
            f"noise of a JPEG does too: its largest value is {largest}. Set threshold = {largest // 2 + 1} in [boxes]",
        )


def _count_parts(inside: NDArray[np.bool_]) -> int:
    """Return the number of 8-connected areas of at least ``PLATEAU_PX`` pixels."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return int(np.count_nonzero(statistics[1:, cv2.CC_STAT_AREA] >= PLATEAU_PX))


def _describe(levels: AnyLevels | NDArray[np.generic]) -> str:
    """Return the distinct values as text, or their number and range."""
    values = np.unique(levels).tolist()
    if len(values) <= MOST_NAMED:
        return ", ".join(map(str, values))
    return f"{len(values)} values from {values[0]} to {values[-1]}"
