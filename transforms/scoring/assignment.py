"""Match predicted with true places one to one, by scipy's optimal assignment."""

from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from medmultipoints.transforms.scoring.answers.items import Places
from medmultipoints.transforms.scoring.detection import THRESHOLDS, Floats, box_ious

RADII: Final = (0.25, 0.5, 1.0)
DEFAULT_SIZE_PX: Final = 20.0  # half of it is the published 10 px


def object_sizes(points: Places, boxes: Places) -> Floats:
    """Return the size of each true object in px: the square root of its box area, 20 px if the boxes are unknown."""
    if len(boxes) != len(points):
        return np.full(len(points), DEFAULT_SIZE_PX)
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    return np.asarray(np.sqrt(np.maximum(areas, 1.0)), np.float64)


def relative_distances(predicted: Places, true: Places, sizes: Floats) -> Floats:
    """Return the distance between each predicted and each true point, in sizes of the true object."""
    a, b = np.asarray(predicted, np.float64).reshape(-1, 1, 2), np.asarray(true, np.float64).reshape(1, -1, 2)
    return np.asarray(np.hypot(*np.moveaxis(a - b, -1, 0)) / sizes, np.float64)


def most_pairs(allowed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """Return the size of the largest matching of rows and columns among the allowed pairs."""
    if not allowed.any():
        return 0
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    return int(allowed[rows, columns].sum())


def closest_pairs(closeness: Floats) -> list[tuple[int, int]]:
    """Return the one-to-one pairs (row, column) with the largest total closeness, without pairs of closeness 0."""
    rows, columns = linear_sum_assignment(closeness, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if closeness[row, column] > 0]


def point_error(distances: Floats) -> float:
    """Return the OSPA distance of two point sets, cut off at one object size: 0 for equal sets, 1 if no point is near.

    It is the mean distance of the best assignment, with a cost of 1 per missing or extra point. Order 1 of
    Schuhmacher, Vo and Vo, IEEE Trans. Signal Process. 56 (2008). 0 for two empty sets.
    """
    longest = max(distances.shape)
    if not longest:
        return 0.0
    reach = np.minimum(distances, 1.0)
    rows, columns = linear_sum_assignment(reach)
    return float((reach[rows, columns].sum() + longest - len(rows)) / longest)


def point_matches(distances: Floats) -> list[int]:
    """Return the number of matched pairs at each of ``RADII``, in sizes of the true object."""
    return [most_pairs(distances <= radius) for radius in RADII]


def box_matches(ious: Floats) -> list[int]:
    """Return the number of matched pairs at each of the ten ``THRESHOLDS``, with the COCO evaluator's tolerance."""
    return [most_pairs(ious >= min(threshold, 1 - 1e-10)) for threshold in THRESHOLDS]


def box_overlap(predicted: Places, true: Places) -> tuple[Floats, float, int]:
    """Return the IoU of all pairs, their sum over the best assignment, and the number of objects in that sum.

    Every unmatched true or predicted box counts as an object with an IoU of 0.
    """
    ious = box_ious(predicted, true)
    rows, columns = linear_sum_assignment(ious, maximize=True)
    best = ious[rows, columns]
    return ious, float(best.sum()), len(predicted) + len(true) - int((best > 0).sum())
