"""Near pairs of 64-bit hashes by comparing all of them, block by block; the nearest pairs of each two groups are kept.

Rows are sorted by group. A group with one row is a single picture; all single pictures count as one group of the
index, so that a picture of which there are thousands of copies is linked to some of them and not to each.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

NEAREST = 32
"""So many pairs between a group of the queries and a group of the index are kept."""

BLOCK = 1 << 22

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Pairs = tuple[Numbers, Numbers, Numbers]
"""Rows of the queries, rows of the index, differing bits."""


def compare_all(
    queries: Hashes, query_groups: Numbers, index: Hashes, index_groups: Numbers, radius: int, *, itself: bool
) -> Pairs:
    """The nearest pairs of each two groups within ``radius`` bits; with ``itself`` each pair once, query < index."""
    single = single_groups(index_groups)
    found: list[Pairs] = []
    for rows, as_one in _segments(query_groups):
        for columns, _ in _segments(index_groups):
            if not itself or columns.stop > rows.start + 1:
                found += _compare(queries, query_groups, index, index_groups, radius, rows, columns, as_one, itself)
    return keep_nearest(found, query_groups, index_groups, single)


def keep_nearest(found: Sequence[Pairs], query_groups: Numbers, index_groups: Numbers, single: NDArray[np.bool_]) -> Pairs:
    """Each pair once, and of each two groups the ``NEAREST`` ones by bits, then by row."""
    query, index, bits = (np.concatenate([part[side] for part in found] or [np.empty(0, np.int64)]) for side in range(3))
    first = query_groups[query]
    second = np.where(single[index_groups[index]], -1, index_groups[index])
    order = np.lexsort((index, query, bits, second, first))
    query, index, bits, first, second = (column[order] for column in (query, index, bits, first, second))
    fresh = np.ones(len(query), np.bool_)
    fresh[1:] = (query[1:] != query[:-1]) | (index[1:] != index[:-1])
    query, index, bits, first, second = (column[fresh] for column in (query, index, bits, first, second))
    new = np.ones(len(query), np.bool_)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    rank = np.arange(len(query)) - np.maximum.accumulate(np.where(new, np.arange(len(query)), 0))
    kept = rank < NEAREST
    return query[kept], index[kept], bits[kept]


def single_groups(groups: Numbers) -> NDArray[np.bool_]:
    """By number of group, whether it has but one row."""
    return np.bincount(groups, minlength=1) <= 1


def _segments(groups: Numbers) -> Iterator[tuple[slice, bool]]:
    """Rows in stretches: one group with several rows (True), or many single ones."""
    edges = np.flatnonzero(np.diff(groups, prepend=-1, append=-1))
    sizes = np.diff(edges)
    start = 0
    for place in np.flatnonzero(sizes > 1):
        if edges[place] > start:
            yield slice(start, int(edges[place])), False
        yield slice(int(edges[place]), int(edges[place + 1])), True
        start = int(edges[place + 1])
    if start < len(groups):
        yield slice(start, len(groups)), False


def _compare(
    queries: Hashes,
    query_groups: Numbers,
    index: Hashes,
    index_groups: Numbers,
    radius: int,
    rows: slice,
    columns: slice,
    as_one: bool,
    itself: bool,
) -> Iterator[Pairs]:
    """The near pairs of two stretches, a block at a time."""
    step = max(BLOCK // (columns.stop - columns.start), 1)
    for start in range(rows.start, rows.stop, step):
        own = slice(start, min(start + step, rows.stop))
        bits = np.bitwise_count(queries[own, None] ^ index[None, columns])
        bits[query_groups[own, None] == index_groups[None, columns]] = 255
        if itself:
            bits[np.arange(own.start, own.stop)[:, None] > np.arange(columns.start, columns.stop)[None]] = 255
        chosen = _nearest(bits.reshape(1, -1) if as_one else bits, radius).reshape(bits.shape)
        query, found = np.nonzero(chosen)
        yield query + own.start, found + columns.start, bits[query, found].astype(np.int64)


def _nearest(bits: NDArray[np.uint8], radius: int) -> NDArray[np.bool_]:
    """In each row, the first ``NEAREST`` places by bits, then by place, among those within the radius."""
    limit = np.full(len(bits), radius, np.int64)
    for step in range(radius - 1, -1, -1):
        limit[(bits <= step).sum(axis=1) >= NEAREST] = step
    below = bits < limit[:, None]
    tied = bits == limit[:, None]
    room = NEAREST - below.sum(axis=1)
    return below | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= room[:, None]))
