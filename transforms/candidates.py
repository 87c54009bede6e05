"""Pairs of pictures that may be near-duplicates: those whose hashes are near, whole or in a window, mirrored or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.all_pairs import NEAREST, Numbers
from transforms.hash_search import HashPairs, Method, join_hashes
from transforms.thumbnails import SEARCHED, Thumbnails, Window, hash_windows, mirror, whole_gradients

RADIUS = 6
"""Bits in which the 64-bit hashes of near-duplicates may differ."""

CHOSEN = 8
BLOCK = 1 << 21
MOST_CORRELATIONS = 5 * 10**8
METHODS: tuple[Method, ...] = ("bands", "all_pairs", "capped")


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures sorted by number of group: their groups, from 0, and their thumbnails."""

    groups: Numbers
    small: Thumbnails


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """A window of row ``first`` may show the whole of row ``second``, which is mirrored where ``mirrored`` is set.

    ``bits`` is the distance of the hashes.
    """

    first: Numbers
    second: Numbers
    mirrored: NDArray[np.bool_]
    bits: Numbers


def search(pictures: Pictures) -> tuple[Candidates, Method]:
    """Candidates of different groups, possibly repeated, and how complete the search was."""
    index = hash_windows(pictures.small)
    found: list[tuple[HashPairs, bool]] = []
    methods: set[Method] = set()
    for mirrored, small in ((False, pictures.small), (True, mirror(pictures.small))):
        for window in SEARCHED:
            pairs = _join(pictures, small, index, window, itself=window == SEARCHED[0] and not mirrored)
            found.append((pairs, mirrored))
            methods.add(pairs.method)
            if window == SEARCHED[0]:
                more = _choose_among_equals(pictures, small, index, pairs)
                methods.add(more.method)
                found += [(more, mirrored), (_swap(pairs), mirrored), (_swap(more), mirrored)]
    return _collect(found), max(methods, key=METHODS.index)


def _join(
    pictures: Pictures, small: Thumbnails, index: NDArray[np.uint64], window: Window, *, itself: bool
) -> HashPairs:
    queries = index if itself else hash_windows(small, window)
    return join_hashes(queries, pictures.groups, index, pictures.groups, RADIUS, itself=itself)


def _collect(found: list[tuple[HashPairs, bool]]) -> Candidates:
    return Candidates(
        np.concatenate([pairs.query for pairs, _ in found]),
        np.concatenate([pairs.index for pairs, _ in found]),
        np.concatenate([np.full(len(pairs.query), mirrored) for pairs, mirrored in found]),
        np.concatenate([pairs.bits for pairs, _ in found]),
    )


def _swap(pairs: HashPairs) -> HashPairs:
    return HashPairs(pairs.index, pairs.query, pairs.bits, pairs.method)


def _choose_among_equals(
    pictures: Pictures, small: Thumbnails, index: NDArray[np.uint64], pairs: HashPairs
) -> HashPairs:
    """Where two groups share more near hashes than were kept: the pairs of theirs that correlate best.

    Frames of a still scene have equal hashes, and the one frame that was copied is among many.
    """
    own, others = whole_gradients(small), whole_gradients(pictures.small)
    hashes = hash_windows(small)
    chosen: list[tuple[Numbers, Numbers]] = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    done, method = 0, pairs.method
    for queries, targets in _full_groups(pictures.groups, pairs):
        done += len(queries) * len(targets)
        if done > MOST_CORRELATIONS:
            method = "capped"
            break
        chosen.append(_best_pairs(own, others, queries, targets))
    query, found = (np.concatenate([part[side] for part in chosen]) for side in (0, 1))
    bits = np.bitwise_count(hashes[query] ^ index[found]).astype(np.int64)
    return HashPairs(query, found, bits, method)


def _full_groups(groups: Numbers, pairs: HashPairs) -> Iterator[tuple[Numbers, Numbers]]:
    """Rows of each two groups (single pictures as one) of which as many pairs were kept as are ever kept."""
    single = np.bincount(groups, minlength=1) <= 1
    target = np.where(single[groups[pairs.index]], -1, groups[pairs.index])
    both, counts = np.unique(np.stack([groups[pairs.query], target]), axis=1, return_counts=True)
    alone = np.flatnonzero(single[groups])
    for own, other in both[:, counts >= NEAREST].T:
        rows = _rows_of(groups, int(own))
        yield rows, _rows_of(groups, int(other)) if other >= 0 else alone[~np.isin(alone, rows)]


def _rows_of(groups: Numbers, group: int) -> Numbers:
    return np.arange(np.searchsorted(groups, group), np.searchsorted(groups, group, side="right"))


def _best_pairs(
    own: NDArray[np.float64], others: NDArray[np.float64], queries: Numbers, targets: Numbers
) -> tuple[Numbers, Numbers]:
    """The ``CHOSEN`` pairs of rows whose whole pictures correlate best."""
    theirs = others[targets]
    norms = np.sqrt((theirs**2).sum(axis=1))
    step = max(BLOCK // len(targets), 1)
    best: list[tuple[NDArray[np.float64], Numbers, Numbers]] = []
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        found = own[rows] @ theirs.T / np.sqrt((own[rows] ** 2).sum(axis=1))[:, None] / norms
        places = np.argsort(-found, axis=None, kind="stable")[:CHOSEN]
        line, column = np.divmod(places, len(targets))
        best.append((found[line, column], rows[line], targets[column]))
    score, query, target = (np.concatenate([part[side] for part in best]) for side in range(3))
    first = np.argsort(-score, kind="stable")[:CHOSEN]
    return query[first].astype(np.int64), target[first].astype(np.int64)
