"""Estimate the box convention of a source and convert its boxes to half-open boxes.

A convention is one offset per side of at most two pixels: a larger offset is an error of the source. A left or top
edge that would become negative is cut at 0; an edge at 0 may then mean any of the first pixels, and all of them agree.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import SIDES, Box

Pairs = NDArray[np.float64]
"""Pairs of a source box and a mask box, as N x 2 x 4 numbers."""

MOST_PX = 2.0
LEAST_SHARE = 0.5
"""Least share of the pairs that must follow an offset; below it the offset is chance."""


@dataclass(frozen=True, slots=True)
class Convention:
    """Offset in pixels from a half-open box to the source's numbers, which are cut at 0."""

    dx1: float = 0.0
    dy1: float = 0.0
    dx2: float = 0.0
    dy2: float = 0.0


HALF_OPEN = Convention()


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated convention of a source; ``explained`` of its ``pairs`` (source box, mask box) follow it exactly."""

    convention: Convention
    pairs: int
    explained: int


def estimate_convention(pairs: Sequence[tuple[Box, Box]] | Pairs) -> Estimate:
    """Return the most frequent difference (source box - half-open box) of the pairs, up to two pixels per side.

    An edge cut at 0 counts as following it. Of equally frequent differences the smallest wins. Half-open if there are
    no pairs or no difference explains half of them. For HyperKvasir's JSON it is (-1, -1, 0, 0), which 1,030 of the
    1,071 boxes follow exactly.
    """
    both = np.array(pairs, np.float64).reshape(-1, 2, len(SIDES))
    offsets, counts = np.unique(both[:, 0] - both[:, 1], axis=0, return_counts=True)
    found = {tuple(offset): count for offset, count in zip(offsets.tolist(), counts.tolist(), strict=True)}
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
    """Return the largest half-open box that the source's numbers may mean, at least one pixel wide and high."""
    x2, y2 = stated.x2 - convention.dx2, stated.y2 - convention.dy2
    x1, y1 = _undo_cut(stated.x1, convention.dx1), _undo_cut(stated.y1, convention.dy1)
    return Box(min(x1, x2 - 1), min(y1, y2 - 1), x2, y2)


def near_distances(stated: Box, derived: Box, convention: Convention) -> tuple[float, float]:
    """Return the distances of the left and top edges in pixels; an edge cut at 0 is read in favour of the source."""
    return (
        _near_distance(stated.x1, derived.x1, convention.dx1),
        _near_distance(stated.y1, derived.y1, convention.dy1),
    )


def far_distances(stated: Box, derived: Box, convention: Convention) -> tuple[float, float]:
    """Return the distances of the right and bottom edges in pixels."""
    return abs(stated.x2 - convention.dx2 - derived.x2), abs(stated.y2 - convention.dy2 - derived.y2)


def _undo_cut(stated: float, step: float) -> float:
    return 0 if stated <= 0 and step < 0 else max(stated - step, 0)


def _near_distance(stated: float, derived: float, step: float) -> float:
    return max(derived + step, 0) if stated <= 0 and step < 0 else abs(stated - step - derived)


def _count_explained(pairs: Pairs, convention: Convention) -> int:
    stated, expected = pairs[:, 0], pairs[:, 1] + astuple(convention)
    expected[:, :2] = expected[:, :2].clip(min=0)
    return int((stated == expected).all(axis=1).sum())
