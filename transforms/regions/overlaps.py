"""Find the overlapping boxes of two lists through a grid, in near-linear time."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from medmultipoints.transforms.records import Box

Cell = tuple[int, int]


def find_overlaps(first: Sequence[Box], second: Sequence[Box], *, margin: float = 0.0) -> list[list[int]]:
    """Return, for each box of ``first``, the sorted positions of the overlapping boxes in ``second``.

    Boxes less than ``margin`` pixels apart on both axes count as overlapping.
    """
    if not second:
        return [[] for _ in first]
    cells_of, held = _grid(second), defaultdict[Cell, list[int]](list)
    for place, box in enumerate(second):
        for cell in cells_of(box, 0.0):
            held[cell].append(place)
    near = ({place for cell in cells_of(box, margin) for place in held.get(cell, ())} for box in first)
    return [
        sorted(place for place in places if shared_side(box, second[place]) > -margin)
        for box, places in zip(first, near, strict=True)
    ]


def shared_side(a: Box, b: Box) -> float:
    """Return the shorter side of the intersection of two boxes; negative: their distance on one axis."""
    return min(min(a.x2, b.x2) - max(a.x1, b.x1), min(a.y2, b.y2) - max(a.y1, b.y1))


def _grid(boxes: Sequence[Box]) -> Callable[[Box, float], Iterator[Cell]]:
    """Return a function that yields the grid cells of a box; the grid has about as many cells as boxes."""
    count = math.isqrt(len(boxes)) or 1
    left, top = min(box.x1 for box in boxes), min(box.y1 for box in boxes)
    width = (max(box.x2 for box in boxes) - left) / count or 1.0
    height = (max(box.y2 for box in boxes) - top) / count or 1.0

    def cells_of(box: Box, margin: float) -> Iterator[Cell]:
        columns = _steps(box.x1 - margin - left, box.x2 + margin - left, width, count)
        rows = _steps(box.y1 - margin - top, box.y2 + margin - top, height, count)
        return ((column, row) for column in columns for row in rows)

    return cells_of


def _steps(start: float, end: float, size: float, count: int) -> range:
    """Return the cells from ``start`` to ``end``; positions outside the grid belong to its outermost cells."""
    first, last = (min(max(math.floor(edge / size), 0), count - 1) for edge in (start, end))
    return range(first, last + 1)
