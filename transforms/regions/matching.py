"""Match boxes one to one with the highest total score."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.regions.overlaps import find_overlaps

Score = Callable[[Box, Box], float]
DIGITS: Final = 6
"""Number of decimals to which scores are compared."""


def match_boxes(
    first: Sequence[Box], second: Sequence[Box], *, score: Score = iou, at_least: float = 1e-9, margin: float = 0.0
) -> list[tuple[int, int]]:
    """Return sorted pairs of positions (in ``first``, in ``second``); each position occurs at most once.

    Pairs that score less than ``at_least`` are never matched. Each connected group of pairs is matched on its own, to
    the highest total score; ties keep the order of the boxes. Only boxes that overlap, or are less than ``margin``
    pixels apart, are scored.
    """
    scored = [
        (i, j, value)
        for i, near in enumerate(find_overlaps(first, second, margin=margin))
        for j in near
        if (value := score(first[i], second[j])) >= at_least
    ]
    rows, columns = (np.array([pair[side] for pair in scored], np.int64) for side in (0, 1))
    scores = np.array([value for *_, value in scored], np.float64)
    pairs: list[tuple[int, int]] = []
    for members in _groups(rows, columns, len(first)):
        chosen = members if len(members) == 1 else members[_assign(rows[members], columns[members], scores[members])]
        pairs += zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True)
    return sorted(pairs)


def _groups(rows: NDArray[np.int64], columns: NDArray[np.int64], height: int) -> list[NDArray[np.int64]]:
    """Return the positions of the pairs, one array per connected group."""
    if len(np.unique(rows)) == len(rows) == len(np.unique(columns)):  # no box has two partners to choose from
        return list(np.arange(len(rows))[:, None])
    from scipy.sparse import coo_array  # takes 0.3 s to import
    from scipy.sparse.csgraph import connected_components

    nodes = height + int(columns.max()) + 1
    links = coo_array((np.ones(len(rows)), (rows, columns + height)), shape=(nodes, nodes))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group[rows], kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[rows][order])) + 1)


def _assign(rows: NDArray[np.int64], columns: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions of the chosen pairs; a box may stay unmatched, which scores 0.

    SciPy matches every row, so each row gets an extra column for "unmatched".
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    left, right = (np.unique(side, return_inverse=True)[1] for side in (rows, columns))
    height, width = int(left.max()) + 1, int(right.max()) + 1
    # All bonuses together are less than the last digit of a score: the order decides only between equal totals.
    bonus = 10.0**-DIGITS / 2 / height / (1 + np.abs(left - right))
    weights = np.concatenate([1 + scores.round(DIGITS) + bonus, np.ones(height)])
    places = np.concatenate([left, np.arange(height)]), np.concatenate([right, width + np.arange(height)])
    table = coo_array((weights, places), shape=(height, width + height)).tocsr()
    chosen = np.full(height, -1)
    matched, partner = min_weight_full_bipartite_matching(table, maximize=True)
    chosen[matched] = partner
    return np.flatnonzero(chosen[left] == right)
