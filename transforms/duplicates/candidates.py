"""Find candidate pairs of near-duplicates by hashes of pictures and their windows, mirrored or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.duplicates.all_pairs import NEAREST, Numbers
from medmultipoints.transforms.duplicates.hash_search import HashPairs, Method, join_hashes
from medmultipoints.transforms.pictures.thumbnails import (
    SEARCHED,
    Gallery,
    Thumbnails,
    Window,
    hash_windows,
    mirror,
    whole_gradients,
)

RADIUS = 6
"""Greatest number of differing bits between the 64-bit hashes of near-duplicates."""

CHOSEN = 8
BLOCK = 1 << 21
MOST_CORRELATIONS = 5 * 10**8
MOST_TARGETS = 200_000
METHODS: tuple[Method, ...] = ("bands", "all_pairs", "capped")


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Group numbers, from 0, and thumbnails of pictures, sorted by group."""

    groups: Numbers
    small: Gallery


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidate pairs: a window of row ``first`` may show the whole of row ``second``, mirrored if ``mirrored``.

    ``bits`` is the distance of the hashes.
    """

    first: Numbers
    second: Numbers
    mirrored: NDArray[np.bool_]
    bits: Numbers


def search(pictures: Pictures) -> tuple[Candidates, Method]:
    """Return candidate pairs between different groups, possibly repeated, and the method used."""
    index = hash_windows(pictures.small)
    found: list[tuple[HashPairs, bool]] = []
    methods: set[Method] = set()
    for mirrored in (False, True):
        crowded = False
        for window in SEARCHED:
            itself = window == SEARCHED[0] and not mirrored
            pairs = _join(pictures, index, window, mirrored=mirrored, itself=itself, crowded=crowded)
            crowded = pairs.method != "bands"
            found.append((pairs, mirrored))
            methods.add(pairs.method)
            if window == SEARCHED[0]:
                more = _choose_among_equals(pictures, index, pairs, mirrored=mirrored)
                methods.add(more.method)
                found += [(more, mirrored), (_swap(pairs), mirrored), (_swap(more), mirrored)]
    return _collect(found), max(methods, key=METHODS.index)


def _join(
    pictures: Pictures, index: NDArray[np.uint64], window: Window, *, mirrored: bool, itself: bool, crowded: bool
) -> HashPairs:
    queries = index if itself else hash_windows(pictures.small, window, mirrored=mirrored)
    groups = pictures.groups
    return join_hashes(queries, groups, index, groups, RADIUS, itself=itself, crowded=crowded)


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
    pictures: Pictures, index: NDArray[np.uint64], pairs: HashPairs, *, mirrored: bool
) -> HashPairs:
    """Return the best correlated pairs of groups with more near hashes than were kept.

    Frames of a still scene have equal hashes, so hashes alone cannot find the frame that was copied.
    """
    chosen: list[tuple[Numbers, Numbers]] = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    seen: dict[int, NDArray[np.float64]] = {}
    done, method = 0, pairs.method
    for queries, targets, other in _full_groups(pictures.groups, pairs):
        done += len(queries) * len(targets)
        if done > MOST_CORRELATIONS or len(targets) > MOST_TARGETS:
            method = "capped"
            break
        if sum(map(len, seen.values())) > MOST_TARGETS:
            seen.clear()
        if other not in seen:
            seen[other] = _normed(pictures.small[targets])
        own = mirror(pictures.small[queries]) if mirrored else pictures.small[queries]
        best, place = _best_pairs(_normed(own), seen[other])
        chosen.append((queries[best], targets[place]))
    query, found = (np.concatenate([part[side] for part in chosen]) for side in (0, 1))
    apart = pictures.groups[query] != pictures.groups[found]
    query, found = query[apart], found[apart]
    bits = np.bitwise_count(hash_windows(pictures.small[query], mirrored=mirrored) ^ index[found]).astype(np.int64)
    return HashPairs(query, found, bits, method)


def _full_groups(groups: Numbers, pairs: HashPairs) -> Iterator[tuple[Numbers, Numbers, int]]:
    """Yield the rows of each two groups with ``NEAREST`` kept pairs; all single pictures form the group -1."""
    single = np.bincount(groups, minlength=1) <= 1
    target = np.where(single[groups[pairs.index]], -1, groups[pairs.index])
    both, counts = np.unique(np.stack([groups[pairs.query], target]), axis=1, return_counts=True)
    alone = np.flatnonzero(single[groups])
    for own, other in both[:, counts >= NEAREST].T.tolist():
        yield _rows_of(groups, own), _rows_of(groups, other) if other >= 0 else alone, other


def _rows_of(groups: Numbers, group: int) -> Numbers:
    return np.arange(np.searchsorted(groups, group), np.searchsorted(groups, group, side="right"))


def _normed(small: Thumbnails) -> NDArray[np.float64]:
    """Return gradients of whole pictures, normalised so that their dot products are correlations."""
    found = whole_gradients(small)
    normed: NDArray[np.float64] = found / np.sqrt((found**2).sum(axis=1, keepdims=True))
    return normed


def _best_pairs(own: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
    """Return the ``CHOSEN`` best correlated pairs of rows of ``own`` and ``others``.

    Considers the two best of each row, since the best may be the row itself.
    """
    step = max(BLOCK // len(others), 1)
    places, scores = [], []
    for start in range(0, len(own), step):
        found = own[start : start + step] @ others.T
        for _ in range(2):
            best = found.argmax(axis=1)
            places.append(np.stack([np.arange(start, start + len(found)), best]))
            scores.append(found[np.arange(len(found)), best])
            found[np.arange(len(found)), best] = -1
    rows, columns = np.concatenate(places, axis=1)
    # The last digits of sums of products depend on the machine: round them so that equal pictures tie.
    first = np.lexsort((columns, rows, -np.concatenate(scores).round(9)))[: 2 * CHOSEN]
    return rows[first], columns[first]
