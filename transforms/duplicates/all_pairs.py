"""Find near pairs of 64-bit hashes by comparing all of them, block by block.

Only the nearest pairs between two groups are kept. All groups of one row count as one group of the index, so that a
picture with thousands of copies is linked to some of them, not to each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAREST = 32
"""Number of pairs kept between a group of the queries and a group of the index."""

BLOCK = 1 << 21

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Pairs = tuple[Numbers, Numbers, Numbers]
"""Rows of the queries, rows of the index, differing bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Query and index hashes of a search, each sorted by group; ``itself``: both are the same table."""

    queries: Hashes
    query_groups: Numbers
    index: Hashes
    index_groups: Numbers
    radius: int
    itself: bool


def compare_all(rows: Rows) -> Pairs:
    """Return the nearest pairs between groups within the radius; with ``itself`` each pair once, query < index."""
    found: list[Pairs] = []
    for queries, as_one in _segments(rows.query_groups):
        for columns, one_group in _segments(rows.index_groups):
            before = rows.itself and columns.stop <= queries.start + 1
            same = as_one and one_group and rows.query_groups[queries.start] == rows.index_groups[columns.start]
            if not before and not same:
                found += _compare(rows, queries, columns, as_one, mixed=not as_one or not one_group)
    return keep_nearest(found, rows)


def keep_nearest(found: Sequence[Pairs], rows: Rows) -> Pairs:
    """Return the ``NEAREST`` pairs between each two groups, by bits, then by row. No pair may occur twice."""
    query, index, bits = (np.concatenate([part[side] for part in [no_pairs(), *found]]) for side in range(3))
    groups = rows.index_groups[index]
    single = np.bincount(rows.index_groups, minlength=1) <= 1
    between = rows.query_groups[query] * (len(single) + 1) + np.where(single[groups], len(single), groups)
    order = np.lexsort((query * len(rows.index) + index, between * 65 + bits))
    between = between[order]
    new = np.diff(between, prepend=-1) != 0
    places = np.arange(len(order))
    kept = order[places - np.maximum.accumulate(np.where(new, places, 0)) < NEAREST]
    return query[kept], index[kept], bits[kept]


def no_pairs() -> Pairs:
    """Return an empty result."""
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)


def _segments(groups: Numbers) -> Iterator[tuple[slice, bool]]:
    """Yield slices of rows: one group with several rows (True), or consecutive groups of one row each (False)."""
    edges = np.flatnonzero(np.diff(groups, prepend=-1, append=-1))
    start = 0
    for place in np.flatnonzero(np.diff(edges) > 1):
        if edges[place] > start:
            yield slice(start, int(edges[place])), False
        start = int(edges[place + 1])
        yield slice(int(edges[place]), start), True
    if start < len(groups):
        yield slice(start, len(groups)), False


def _compare(rows: Rows, queries: slice, columns: slice, as_one: bool, *, mixed: bool) -> Iterator[Pairs]:
    """Yield the near pairs of two slices, block by block; with ``as_one`` the queries are one group.

    ``mixed``: the slices may share groups.
    """
    step = max(BLOCK // (columns.stop - columns.start), 1)
    for start in range(queries.start, queries.stop, step):
        own = slice(start, min(start + step, queries.stop))
        bits = np.bitwise_count(rows.queries[own, None] ^ rows.index[None, columns])
        if mixed:
            bits[rows.query_groups[own, None] == rows.index_groups[None, columns]] = 255
        if rows.itself and own.stop > columns.start:
            bits[np.arange(own.start, own.stop)[:, None] > np.arange(columns.start, columns.stop)] = 255
        lines = bits.reshape(1, -1) if as_one else bits
        near = np.flatnonzero(lines.min(axis=1) <= rows.radius)
        chosen = [line * lines.shape[1] + _nearest(lines[line], rows.radius) for line in near]
        query, found = np.divmod(np.concatenate([np.empty(0, np.int64), *chosen]), bits.shape[1])
        yield query + own.start, found + columns.start, bits[query, found].astype(np.int64)


def _nearest(bits: NDArray[np.uint8], radius: int) -> Numbers:
    """Return the ``NEAREST`` positions within the radius by bits, then by position."""
    near = np.empty(0, np.int64)
    for step in range(radius + 1):
        if np.count_nonzero(bits <= step) >= NEAREST or step == radius:
            near = np.flatnonzero(bits <= step)
            break
    return near[np.argsort(bits[near], kind="stable")[:NEAREST]]
