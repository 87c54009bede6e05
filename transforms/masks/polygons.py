"""Fill polygons: a pixel belongs to a polygon if its centre lies inside.

The even-odd rule decides within one outline; the outlines of one object are united. A centre on an edge belongs to the
side to the right or below, so polygons with a common edge share no pixel.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Box, Polygon


def polygon_box(polygons: Sequence[Polygon]) -> Box:
    """Return the bounding box of the vertices."""
    xs, ys = ([getattr(point, axis) for polygon in polygons for point in polygon] for axis in ("x", "y"))
    return Box(min(xs), min(ys), max(xs), max(ys))


def fill_polygons(polygons: Sequence[Polygon], width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask of one object (height x width): the pixels whose centre lies in any of its outlines."""
    mask = np.zeros((height, width), np.bool_)
    for polygon in polygons:
        mask |= fill_polygon(np.array(polygon), width, height)
    return mask


def fill_polygon(corners: NDArray[np.float64], width: int, height: int) -> NDArray[np.bool_]:
    """Return the pixels with an odd number of edges to the left of their centre; ``corners``: n x 2, as x and y."""
    flips = np.zeros(height * (width + 1), np.uint8)
    np.bitwise_xor.at(flips, _positions(*_crossings(corners, height), width), 1)
    rows = flips.view(np.bool_).reshape(height, width + 1)
    inside: NDArray[np.bool_] = np.logical_xor.accumulate(rows, axis=1)[:, :width]
    return inside


def count_filled(
    corners: NDArray[np.float64], nudges: Sequence[float], held: NDArray[np.int32]
) -> list[tuple[int, int]]:
    """Return how many pixels a polygon fills, and how many of them a mask holds; ``held``: the mask's integral image.

    Each of the ``nudges`` moves the polygon to the right. Five times faster than filling: two lookups a run of pixels.
    """
    height, width = held.shape[0] - 1, held.shape[1] - 1
    rows, x = _crossings(corners, height)
    sums, found = held.reshape(-1), []
    for nudge in nudges:
        at = np.sort(_positions(rows, x + nudge, width))
        before = sums[at + width + 1] - sums[at]
        found.append((int((at[1::2] - at[::2]).sum()), int(before[1::2].sum() - before[::2].sum())))
    return found


def _crossings(corners: NDArray[np.float64], height: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row and the x of every place where an edge crosses the centre line of a row."""
    ends = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    rising = ends[:, 0, 1] > ends[:, 1, 1]
    ends[rising] = ends[rising, ::-1]
    (upper_x, upper_y), (lower_x, lower_y) = ends[:, 0].T, ends[:, 1].T
    top = np.clip(np.ceil(upper_y - 0.5), 0, height).astype(np.int64)
    crossed = np.clip(np.ceil(lower_y - 0.5), top, height).astype(np.int64) - top
    edge = np.repeat(np.arange(len(ends)), crossed)
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed - top, crossed)
    steep = crossed > 0  # other edges cross no centre line and may be horizontal
    slope = np.divide(lower_x - upper_x, lower_y - upper_y, out=np.zeros(len(ends)), where=steep)
    return rows, upper_x[edge] + (rows + 0.5 - upper_y[edge]) * slope[edge]


def _positions(rows: NDArray[np.int64], x: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """Return the first pixels whose centres are not left of the crossings, as positions in rows of ``width`` + 1."""
    at: NDArray[np.int64] = rows * (width + 1) + np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    return at
