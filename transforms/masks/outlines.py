"""Convert masks to polygons along pixel edges and back, without loss.

A polygon is a closed series of (x, y) in pixel edges, origin top-left. A pixel belongs to a polygon when its centre
lies inside (even-odd rule), so holes are polygons like any other and their order does not matter.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.polygons import fill_polygon
from medmultipoints.transforms.pictures.components import lit_part

Polygon = tuple[tuple[float, float], ...]


def trace_outlines(mask: NDArray[np.bool_]) -> tuple[Polygon, ...]:
    """Return the corners of a mask's outlines along its pixel edges, holes included; ``mask``: height x width."""
    rows, columns = lit_part(mask)
    top, left = rows.start, columns.start
    ways = _edges(np.pad(mask[rows, columns], 1))
    found = []
    while ways:
        found.append(tuple((float(x + left), float(y + top)) for x, y in _walk(ways)))
    return tuple(found)


def _edges(inside: NDArray[np.bool_]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the steps along pixel edges by start point, with the object on the right, in unpadded coordinates."""
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    down, right = np.diff(inside.astype(np.int8), axis=0), np.diff(inside.astype(np.int8), axis=1)
    for y, x in np.argwhere(down).tolist():  # edge between padded rows y and y + 1, from x - 1 to x
        start, step = ((x - 1, y), (1, 0)) if down[y, x] > 0 else ((x, y), (-1, 0))
        ways.setdefault(start, []).append(step)
    for y, x in np.argwhere(right).tolist():
        start, step = ((x, y), (0, -1)) if right[y, x] > 0 else ((x, y - 1), (0, 1))
        ways.setdefault(start, []).append(step)
    return ways


def _walk(ways: dict[tuple[int, int], list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Remove one closed outline from ``ways`` and return its corners; pixels that meet at a corner stay apart."""
    place = start = next(iter(ways))
    heading = ways[start][0]
    first = heading
    corners: list[tuple[int, int]] = []
    while True:
        options = ways[place]
        turn = (-heading[1], heading[0])
        step = turn if turn in options else heading if heading in options else options[0]
        if step != heading or not corners:
            corners.append(place)
        options.remove(step)
        if not options:
            del ways[place]
        heading, place = step, (place[0] + step[0], place[1] + step[1])
        if place == start and first not in ways.get(start, ()):
            break
    return corners[1:] if heading == first and len(corners) > 1 else corners


def fill_outlines(polygons: Iterable[Sequence[Sequence[float]]], height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies inside the polygons (even-odd), clipped to the frame."""
    inside = np.zeros((height, width), np.bool_)
    for polygon in polygons:
        inside ^= fill_polygon(np.asarray(polygon, np.float64), width, height)
    return inside


def simplify_outlines(polygons: Iterable[Polygon], tolerance_px: float) -> tuple[Polygon, ...]:
    """Return the polygons simplified within ``tolerance_px``; degenerate ones are dropped."""
    found = []
    for polygon in polygons:
        corners = cv2.approxPolyDP(np.array(polygon, np.float32)[:, None], tolerance_px, closed=True)[:, 0]
        if len(corners) >= 3:
            found.append(tuple((float(x), float(y)) for x, y in corners.round(2)))
    return tuple(found)
