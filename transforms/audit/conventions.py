"""Estimate how a source's box numbers relate to half-open boxes, and undo it.

A convention is an offset a side, at most two pixels: a larger offset is an error of the source, not a convention.
Where a source steps out to the left or top, it is cut at 0; an edge at 0 may then mean several first pixels,
and each of these readings agrees with it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from medmultipoints.transforms.records import Box

MOST_PX = 2.0
LEAST_SHARE = 0.5
"""An offset that fewer of the pairs follow is no convention but chance."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What to add to a half-open box, in pixels, to get the source's numbers, cut at 0."""

    dx1: float = 0.0
    dy1: float = 0.0
    dx2: float = 0.0
    dy2: float = 0.0


HALF_OPEN = Convention()


@dataclass(frozen=True, slots=True)
class Estimate:
    """The convention of a source; ``explained`` of the ``pairs`` of stated box and mask box follow it exactly."""

    convention: Convention
    pairs: int
    explained: int


def estimate_convention(pairs: Iterable[tuple[Box, Box]]) -> Estimate:
    """Return the most frequent difference (source's numbers - half-open box) of matched pairs, up to two pixels a side.

    An edge cut at 0 follows it too. Of equally frequent differences the smallest wins. Half-open where there are no
    pairs, or where no difference explains half of them. For HyperKvasir's JSON: (-1, -1, 0, 0), which 1,030 of its
    1,071 boxes follow exactly.
    """
    both = list(pairs)
    found = Counter(_difference(stated, derived) for stated, derived in both)
    near = [offset for offset in found if max(map(abs, offset)) <= MOST_PX]
    best = Convention(*min(near, key=lambda offset: (-found[offset], sum(map(abs, offset)), offset), default=()))
    explained = _count_explained(both, best)
    if explained < LEAST_SHARE * len(both):
        best, explained = HALF_OPEN, _count_explained(both, HALF_OPEN)
    return Estimate(best, len(both), explained)


def state_box(box: Box, convention: Convention) -> Box:
    """Return the source's numbers for a half-open box."""
    return Box(
        max(box.x1 + convention.dx1, 0.0),
        max(box.y1 + convention.dy1, 0.0),
        box.x2 + convention.dx2,
        box.y2 + convention.dy2,
    )


def undo_convention(stated: Box, convention: Convention) -> Box:
    """Return the half-open box behind the source's numbers: the largest one, at least one pixel wide and high."""
    x2, y2 = stated.x2 - convention.dx2, stated.y2 - convention.dy2
    x1, y1 = _undo_cut(stated.x1, convention.dx1), _undo_cut(stated.y1, convention.dy1)
    return Box(min(x1, x2 - 1), min(y1, y2 - 1), x2, y2)


def near_distances(stated: Box, derived: Box, convention: Convention) -> tuple[float, float]:
    """Return the distance in pixels of the left and of the top edges, a cut at 0 read in the source's favour."""
    return (
        _near_distance(stated.x1, derived.x1, convention.dx1),
        _near_distance(stated.y1, derived.y1, convention.dy1),
    )


def far_distances(stated: Box, derived: Box, convention: Convention) -> tuple[float, float]:
    """Return the distance in pixels of the right and of the bottom edges."""
    return abs(stated.x2 - convention.dx2 - derived.x2), abs(stated.y2 - convention.dy2 - derived.y2)


def _undo_cut(stated: float, step: float) -> float:
    return 0 if stated <= 0 and step < 0 else max(stated - step, 0)


def _near_distance(stated: float, derived: float, step: float) -> float:
    return max(derived + step, 0) if stated <= 0 and step < 0 else abs(stated - step - derived)


def _difference(stated: Box, derived: Box) -> tuple[float, float, float, float]:
    return stated.x1 - derived.x1, stated.y1 - derived.y1, stated.x2 - derived.x2, stated.y2 - derived.y2


def _count_explained(pairs: Iterable[tuple[Box, Box]], convention: Convention) -> int:
    return sum(stated == state_box(derived, convention) for stated, derived in pairs)
