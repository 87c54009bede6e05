"""Pairs of 64-bit hashes that differ in few bits, without comparing every hash with every other.

Pigeonhole: cut the 64 bits into bands with t1, t2, ... allowed differences, (t1 + 1) + (t2 + 1) + ... > radius. Two
hashes within ``radius`` bits of each other then agree in some band up to its t bits. So for each band the index is
sorted by that band's bits, and each query looks up its own bits with every choice of up to t of them flipped
(multi-index hashing, Norouzi, Punjani and Fleet 2012). The number of bands decides the time, never the result.

Rows belong to groups (a video, or one picture), and only pairs of different groups are of interest. Where rows of
many groups look alike, pairs still grow with the square. So of the pairs between a group of the queries and a group
of the index at most ``NEAREST`` are returned, the nearest ones (single pictures of the index count as one group);
where buckets are so full that lookups gain nothing, all pairs are compared block by block
(``transforms.duplicates.all_pairs``); and where there are too many rows for that, a bucket hands out its first rows
only, as representatives of the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from medmultipoints.transforms.duplicates.all_pairs import (
    Hashes,
    Numbers,
    Pairs,
    Rows,
    compare_all,
    keep_nearest,
    no_pairs,
)

FEWEST_BANDS, MOST_BANDS = 3, 5  # with fewer than three, the table of buckets would not fit a cache
AT_ONCE = 1 << 18
GATHERED = 1 << 21
LOOKUP_COST = 16
"""One looked-up candidate takes as long as so many comparisons in blocks."""
MOST_COMPARISONS = 4 * 10**10
REPRESENTATIVES = 8
Method = Literal["bands", "all_pairs", "capped"]


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Rows of queries and index that are near, and the bits in which they differ, sorted by query and index.

    ``method``: bands and all_pairs are complete up to ``NEAREST``; capped means that buckets were cut.
    """

    query: Numbers
    index: Numbers
    bits: Numbers
    method: Method


@dataclass(frozen=True, slots=True)
class Band:
    """``width`` bits from bit ``shift`` on, in which two near hashes may differ by ``flips`` bits."""

    shift: int
    width: int
    flips: int

    def keys(self, hashes: Hashes) -> Numbers:
        """Return the band's bits of each hash."""
        return ((hashes >> np.uint64(self.shift)) & np.uint64((1 << self.width) - 1)).astype(np.int64)

    def masks(self) -> list[int]:
        """Return every choice of up to ``flips`` bits of the band, fewest first."""
        chosen = (places for count in range(self.flips + 1) for places in combinations(range(self.width), count))
        return [sum(1 << place for place in places) for places in chosen]


class _TooFullError(Exception):
    """Lookups would hand out more candidates than a comparison of all pairs costs."""


def find_pairs(hashes: Hashes, groups: Numbers, radius: int) -> HashPairs:
    """Find pairs of rows of different groups whose hashes differ in at most ``radius`` bits, each once, query < index.

    ``groups`` are numbers from 0; rows must be sorted by group.
    """
    return join_hashes(hashes, groups, hashes, groups, radius, itself=True)


def join_hashes(
    queries: Hashes,
    query_groups: Numbers,
    index: Hashes,
    index_groups: Numbers,
    radius: int,
    *,
    itself: bool = False,
    crowded: bool = False,
) -> HashPairs:
    """Return the pairs (row of ``queries``, row of ``index``) of different groups within ``radius`` bits.

    Both must be sorted by group, over the same numbers of groups. With ``itself`` they are the same table, and each
    pair occurs once, with query < index. ``crowded`` says that lookups are known to gain nothing.
    """
    rows = Rows(queries, query_groups, index, index_groups, radius, itself)
    comparisons = len(queries) * len(index)
    budget = 0 if crowded else max(comparisons // LOOKUP_COST, AT_ONCE)
    method: Method = "bands"
    try:
        pairs = _look_up(rows, budget=budget)
    except _TooFullError:
        fits = comparisons <= MOST_COMPARISONS
        method = "all_pairs" if fits else "capped"
        pairs = compare_all(rows) if fits else _look_up(rows, cap=REPRESENTATIVES)
    order = np.lexsort((pairs[1], pairs[0]))
    query, found, bits = (column[order] for column in pairs)
    return HashPairs(query, found, bits, method)


def plan_bands(queries: int, index: int, radius: int) -> tuple[Band, ...]:
    """Return the cheapest division of the 64 bits for spread-out hashes, by lookups and expected candidates."""
    plans = [_divide(count, radius) for count in range(FEWEST_BANDS, MOST_BANDS + 1)]
    return min(plans, key=lambda plan: (sum(_cost(band, queries, index) for band in plan), len(plan)))


def _divide(count: int, radius: int) -> tuple[Band, ...]:
    edges = [64 * place // count for place in range(count + 1)]
    flips = [max((radius + 1 + place) // count - 1, 0) for place in range(count)]
    return tuple(Band(edges[place], edges[place + 1] - edges[place], flips[place]) for place in range(count))


def _cost(band: Band, queries: int, index: int) -> float:
    size = float(1 << band.width)
    return len(band.masks()) * (queries * (1 + 3 * index / size) + 2_000) + size


def _look_up(rows: Rows, budget: int | None = None, cap: int | None = None) -> Pairs:
    """Return the near pairs that lookups in every band find; _TooFullError past ``budget`` candidates."""
    bands = plan_bands(len(rows.queries), len(rows.index), rows.radius)
    kept, found, handed = no_pairs(), [no_pairs()], 0
    for place, band in enumerate(bands):
        for candidates in _Table(band, rows).candidates(cap):
            handed += len(candidates[0])
            if budget is not None and handed > budget:
                raise _TooFullError
            found.append(_near(rows, candidates, bands[:place]))
            if sum(len(part[0]) for part in found) > GATHERED:
                kept, found = keep_nearest([kept, *found], rows), []
    return keep_nearest([kept, *found], rows)


def _near(rows: Rows, candidates: tuple[Numbers, Numbers], earlier: Sequence[Band]) -> Pairs:
    """Return the candidates within the radius, of different groups, that no earlier band has found."""
    query, index = candidates
    differing = rows.queries[query] ^ rows.index[index]
    bits = np.bitwise_count(differing)
    near = np.flatnonzero(bits <= rows.radius)
    near = near[rows.query_groups[query[near]] != rows.index_groups[index[near]]]
    for band in earlier:
        near = near[np.bitwise_count(band.keys(differing[near])) > band.flips]
    query, index = query[near], index[near]
    if rows.itself:
        query, index = np.minimum(query, index), np.maximum(query, index)
    return query, index, bits[near].astype(np.int64)


class _Table:
    """Queries and index sorted by one band's bits; inside a bucket by group, as the rows are."""

    def __init__(self, band: Band, rows: Rows) -> None:
        self.band, self.rows = band, rows
        keys, asking = band.keys(rows.index), band.keys(rows.queries)
        self.index = np.argsort(keys, kind="stable")
        self.queries = self.index if rows.itself else np.argsort(asking, kind="stable")
        self.asking = asking[self.queries]
        self.asking_groups = rows.query_groups[self.queries]
        self.starts = np.concatenate(([0], np.cumsum(np.bincount(keys, minlength=1 << band.width))))
        self.groups = int(max(rows.index_groups.max(initial=0), rows.query_groups.max(initial=0))) + 1
        self.places = keys[self.index] * self.groups + rows.index_groups[self.index]

    def candidates(self, cap: int | None) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield rows of queries and index that meet in a bucket, some at a time; of a full bucket only ``cap`` ones."""
        for mask in self.band.masks():
            # Of two buckets of one table that a mask links, the lower one looks up the higher one.
            half = (self.asking >> (mask.bit_length() - 1)) & 1 == 0 if self.rows.itself and mask else slice(None)
            wanted = self.asking[half] ^ mask
            low, high = self.starts[wanted], self.starts[wanted + 1]
            some = np.flatnonzero(high > low)
            low, high = low[some], high[some]
            query = (np.arange(len(self.asking))[half])[some]
            before, after = self._own_range(wanted[some], query, low, high)
            if self.rows.itself and not mask:
                after = np.maximum(after, query + 1)
            else:
                yield from self._expand(query, low, before, cap)
            yield from self._expand(query, after, high, cap)

    def _own_range(self, wanted: Numbers, query: Numbers, low: Numbers, high: Numbers) -> tuple[Numbers, Numbers]:
        """Return where the query's own group begins and ends in its bucket.

        Not looked for in small ones, filtered later.
        """
        before, after = low.copy(), low.copy()
        full = np.flatnonzero(high - low > 8)
        own = wanted[full] * self.groups + self.asking_groups[query[full]]
        before[full] = np.searchsorted(self.places, own)
        after[full] = np.searchsorted(self.places, own, side="right")
        return before, after

    def _expand(
        self, query: Numbers, low: Numbers, high: Numbers, cap: int | None
    ) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield every query with every place of its range."""
        counts = high - low if cap is None else np.minimum(high - low, cap)
        totals = np.cumsum(counts)
        at, done = 0, 0
        while at < len(query):
            stop = max(int(np.searchsorted(totals, done + AT_ONCE, side="right")), at + 1)
            part = counts[at:stop]
            place = np.arange(totals[stop - 1] - done) + np.repeat(low[at:stop] - (totals[at:stop] - part - done), part)
            if len(place):
                yield self.queries[np.repeat(query[at:stop], part)], self.index[place]
            at, done = stop, int(totals[stop - 1])
