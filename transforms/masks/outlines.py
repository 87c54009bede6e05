"""Convert masks to polygons along pixel edges and back, without loss.

A polygon is a closed series of (x, y) in pixel edges, origin top-left. A pixel belongs to a polygon when its centre
lies inside (even-odd rule), so holes are polygons like any other and their order does not matter.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Polygon = tuple[tuple[float, float], ...]


def trace_outlines(mask: NDArray[np.bool_]) -> tuple[Polygon, ...]:
    """Return the corners of a mask's outlines along its pixel edges, holes included; ``mask``: height x width."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return ()
    top, left = int(rows[0]), int(columns[0])
    inside = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1)
    ways = _edges(inside)
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
    toggles = np.zeros((height, width + 1), np.uint8)
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64)
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y1 > y2:
                x1, y1, x2, y2 = x2, y2, x1, y1
            rows = np.arange(max(int(np.ceil(y1 - 0.5)), 0), min(int(np.ceil(y2 - 0.5)), height))
            if rows.size:
                crossings = x1 + (rows + 0.5 - y1) * ((x2 - x1) / (y2 - y1))
                columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)
                toggles[rows, columns] ^= 1
    inside: NDArray[np.bool_] = np.bitwise_xor.accumulate(toggles, axis=1)[:, :width].astype(bool)
    return inside


def simplify_outlines(polygons: Iterable[Polygon], tolerance_px: float) -> tuple[Polygon, ...]:
    """Return the polygons simplified within ``tolerance_px``; degenerate ones are dropped."""
    found = []
    for polygon in polygons:
        corners = cv2.approxPolyDP(np.array(polygon, np.float32)[:, None], tolerance_px, closed=True)[:, 0]
        if len(corners) >= 3:
            found.append(tuple((float(x), float(y)) for x, y in corners.round(2)))
    return tuple(found)
