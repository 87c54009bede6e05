"""Polygons to pixels, by one rule: a pixel belongs to a polygon where its centre lies inside.

Inside is by the even-odd rule within one outline; several outlines of one object are united. A centre on an edge
belongs to the side to the right of it or below it, so that polygons that share an edge share no pixel.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Box, Point, Polygon


def polygon_box(polygons: Sequence[Polygon]) -> Box:
    """Return the extent of the outlines' vertices."""
    xs, ys = ([getattr(point, axis) for polygon in polygons for point in polygon] for axis in ("x", "y"))
    return Box(min(xs), min(ys), max(xs), max(ys))


def fill_polygons(polygons: Sequence[Polygon], width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask of one object, height x width: the pixels whose centre lies in any of its outlines."""
    mask = np.zeros((height, width), np.bool_)
    for polygon in polygons:
        mask |= _fill(polygon, width, height)
    return mask


def _fill(polygon: Polygon, width: int, height: int) -> NDArray[np.bool_]:
    """Count the edges to the left of each pixel centre: odd is inside."""
    toggles = np.zeros((height, width + 1), np.bool_)
    for first, second in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        _toggle_edge(toggles, first, second)
    inside: NDArray[np.bool_] = np.logical_xor.accumulate(toggles, axis=1)[:, :width]
    return inside


def _toggle_edge(toggles: NDArray[np.bool_], first: Point, second: Point) -> None:
    """Flip, in each row whose centre line the edge crosses, the first pixel whose centre is not left of it."""
    upper, lower = (first, second) if first.y <= second.y else (second, first)
    height, columns = toggles.shape
    top = max(int(np.ceil(upper.y - 0.5)), 0)
    bottom = min(int(np.ceil(lower.y - 0.5)), height)
    if top >= bottom:
        return
    rows = np.arange(top, bottom)
    x = upper.x + (rows + 0.5 - upper.y) * ((lower.x - upper.x) / (lower.y - upper.y))
    start = np.clip(np.ceil(x - 0.5), 0, columns - 1).astype(np.int64)
    toggles[rows, start] ^= True
