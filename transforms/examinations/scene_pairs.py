"""Match two pictures of one scene by keypoints that agree with one affine map.

At least 7 inliers are proof: of 1,000 real pictures, 3,000 random pairs have at most 6, and all 46 pairs found show one
polyp by eye. Fewer inliers prove nothing: rotated, closer or rinsed views of one polyp are not recognised.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.examinations.keypoints import SIZE, Scene

LEAST_INLIERS = 7
RATIO = 0.8
"""Greatest ratio of the distances to the nearest and the second nearest descriptor (Lowe's ratio test)."""
REACH_PX = 8
"""Greatest distance of an inlier from its mapped position."""
LEAST_AREA, MOST_AREA = 0.15, 6.0
"""Range of the map's determinant for two views of one scene."""


@dataclass(frozen=True, slots=True)
class SceneMatch:
    """Agreement of two scenes; ``shift``: median over the inliers of (x, y) in the second minus the first.

    ``scale``: square root of the map's determinant.
    """

    inliers: int
    scale: float
    shift: tuple[float, float]


def match_scenes(first: Scene, second: Scene) -> SceneMatch | None:
    """Return the match of two scenes, or None if they do not agree."""
    one, two = match_descriptors(first.descriptors, second.descriptors)
    if len(one) < LEAST_INLIERS:
        return None
    start, end = first.points[one], second.points[two]
    found, used = cv2.estimateAffine2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=REACH_PX, maxIters=2000, confidence=0.999
    )
    if found is None or int(used.sum()) < LEAST_INLIERS:
        return None
    area = float(found[0, 0] * found[1, 1] - found[0, 1] * found[1, 0])
    if not LEAST_AREA <= area <= MOST_AREA:
        return None
    inside = used.ravel().astype(bool)
    shift = np.median(end[inside] - start[inside], axis=0)
    return SceneMatch(int(inside.sum()), area**0.5, (float(shift[0]), float(shift[1])))


def match_descriptors(
    first: NDArray[np.uint8], second: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the matching rows of both: mutual nearest neighbours that pass the ratio test."""
    if min(len(first), len(second)) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    apart = _widen(first, -2.0) @ _widen(second, 1.0)[:, _CROSSED].T
    nearest = apart.argmin(axis=1)
    rows = np.arange(len(apart))
    mutual = np.flatnonzero(apart[rows, nearest] == apart.min(axis=0)[nearest])
    chosen, rows = apart[mutual], np.arange(len(mutual))
    best = chosen[rows, nearest[mutual]]
    chosen[rows, nearest[mutual]] = np.inf
    clear = best < RATIO**2 * chosen.min(axis=1)
    return mutual[clear], nearest[mutual][clear]


_CROSSED = [*range(SIZE), SIZE + 1, SIZE]


def _widen(descriptors: NDArray[np.uint8], factor: float) -> NDArray[np.float32]:
    """Return descriptors times a factor, with their squared length and 1 appended, so one product gives distances.

    All numbers are whole and below 2^24, so the product is exact in any order of summation.
    """
    values = descriptors.astype(np.float32)
    lengths = np.einsum("ij,ij->i", values, values)
    return np.column_stack([values * np.float32(factor), lengths, np.ones_like(lengths)])
