"""Pairs of 64-bit hashes that differ in few bits, without comparing every hash with every other.

Pigeonhole: cut the 64 bits into bands with t1, t2, ... allowed differences, (t1 + 1) + (t2 + 1) + ... = radius + 1.
Two hashes within ``radius`` bits of each other then agree in some band up to its t bits. So for each band the index
is sorted by that band's bits, and each query looks up its own bits with every choice of up to t of them flipped
(multi-index hashing, Norouzi, Punjani and Fleet 2012). The number of bands decides the time, never the result.

Rows belong to groups (a video, or one picture), and only pairs of different groups are of interest. Where rows of
many groups look alike, pairs still grow with the square. So of the pairs between a group of the queries and a group
of the index at most ``NEAREST`` are returned, the nearest ones (single pictures of the index count as one group);
where buckets are so full that lookups gain nothing, all pairs are compared block by block (``transforms.all_pairs``);
and where there are too many rows for that, a bucket hands out its first rows only, as representatives of the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transforms.all_pairs import NEAREST, Hashes, Numbers, Pairs, compare_all, keep_nearest, single_groups

FEWEST_BANDS, MOST_BANDS = 3, 5  # with fewer than three, the table of buckets would not fit a cache
AT_ONCE = 1 << 20
LOOKUP_COST = 16
"""One looked-up candidate takes as long as so many comparisons in blocks."""
MOST_COMPARISONS = 4 * 10**10
REPRESENTATIVES = 8


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Rows of queries and index that are near, and the bits in which they differ, sorted by query and index.

    ``method``: bands and all_pairs are complete up to ``NEAREST``; capped means that buckets were cut.
    """

    query: Numbers
    index: Numbers
    bits: Numbers
    method: Literal["bands", "all_pairs", "capped"]


@dataclass(frozen=True, slots=True)
class Band:
    """``width`` bits from bit ``shift`` on, in which two near hashes may differ by ``flips`` bits."""

    shift: int
    width: int
    flips: int

    def keys(self, hashes: Hashes) -> Numbers:
        """The band's bits of each hash."""
        return ((hashes >> np.uint64(self.shift)) & np.uint64((1 << self.width) - 1)).astype(np.int64)

    def masks(self) -> list[int]:
        """Every choice of up to ``flips`` bits of the band, fewest first."""
        chosen = (places for count in range(self.flips + 1) for places in combinations(range(self.width), count))
        return [sum(1 << place for place in places) for places in chosen]


class _TooFull(Exception):
    """Lookups would hand out more candidates than a comparison of all pairs costs."""


def find_pairs(hashes: Hashes, groups: Numbers, radius: int) -> HashPairs:
    """The pairs of rows of different groups whose hashes differ in at most ``radius`` bits, each once, query < index.

    ``groups`` are numbers from 0; rows must be sorted by group.
    """
    return join_hashes(hashes, groups, hashes, groups, radius, itself=True)


def join_hashes(
    queries: Hashes, query_groups: Numbers, index: Hashes, index_groups: Numbers, radius: int, *, itself: bool = False
) -> HashPairs:
    """The pairs (row of ``queries``, row of ``index``) of different groups within ``radius`` bits.

    Both must be sorted by group, over the same numbers of groups. With ``itself`` they are the same table.
    """
    method: Literal["bands", "all_pairs", "capped"] = "bands"
    comparisons = len(queries) * len(index)
    rows = _Rows(queries, query_groups, index, index_groups, radius, itself)
    try:
        pairs = _look_up(rows, max(comparisons // LOOKUP_COST, AT_ONCE), None)
    except _TooFull:
        if comparisons <= MOST_COMPARISONS:
            method, pairs = "all_pairs", compare_all(queries, query_groups, index, index_groups, radius, itself=itself)
        else:
            method, pairs = "capped", _look_up(rows, None, REPRESENTATIVES)
    query, found, bits = pairs
    order = np.lexsort((found, query))
    return HashPairs(query[order], found[order], bits[order], method)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The two tables of a search."""

    queries: Hashes
    query_groups: Numbers
    index: Hashes
    index_groups: Numbers
    radius: int
    itself: bool


def plan_bands(queries: int, index: int, radius: int) -> tuple[Band, ...]:
    """The cheapest division of the 64 bits for spread-out hashes: lookups and expected candidates of all bands."""
    plans = [_divide(count, radius) for count in range(FEWEST_BANDS, MOST_BANDS + 1)]
    return min(plans, key=lambda plan: (sum(_cost(band, queries, index) for band in plan), len(plan)))


def _divide(count: int, radius: int) -> tuple[Band, ...]:
    edges = [64 * place // count for place in range(count + 1)]
    flips = [max((radius + 1 + place) // count - 1, 0) for place in range(count)]
    return tuple(Band(edges[place], edges[place + 1] - edges[place], flips[place]) for place in range(count))


def _cost(band: Band, queries: int, index: int) -> float:
    return len(band.masks()) * (queries * (1 + 3 * index / 2**band.width) + 2_000) + 2**band.width


def _look_up(rows: _Rows, budget: int | None, cap: int | None) -> Pairs:
    """The near pairs that lookups in every band find; _TooFull past ``budget`` candidates."""
    single = single_groups(rows.index_groups)
    found: list[Pairs] = [tuple(np.empty(0, np.int64) for _ in range(3))]  # type: ignore[list-item]
    handed = 0
    for band in plan_bands(len(rows.queries), len(rows.index), rows.radius):
        for query, index in _candidates(band, rows, cap):
            handed += len(query)
            if budget is not None and handed > budget:
                raise _TooFull
            found.append(_near(rows, query, index))
            if sum(len(part[0]) for part in found) > AT_ONCE:
                found = [keep_nearest(found, rows.query_groups, rows.index_groups, single)]
    return keep_nearest(found, rows.query_groups, rows.index_groups, single)


def _near(rows: _Rows, query: Numbers, index: Numbers) -> Pairs:
    bits = np.bitwise_count(rows.queries[query] ^ rows.index[index])
    near = (bits <= rows.radius) & (rows.query_groups[query] != rows.index_groups[index])
    chosen = np.flatnonzero(near)
    query, index = query[chosen], index[chosen]
    if rows.itself:
        query, index = np.minimum(query, index), np.maximum(query, index)
    return query, index, bits[chosen].astype(np.int64)


def _candidates(band: Band, rows: _Rows, cap: int | None) -> Iterator[tuple[Numbers, Numbers]]:
    """Rows that meet in a bucket, some at a time."""
    keys = band.keys(rows.index)
    order = np.argsort(keys, kind="stable")  # rows are sorted by group, so buckets are too
    table = keys[order] * (int(rows.index_groups.max(initial=0)) + 2)
    table += rows.index_groups[order]
    starts = np.concatenate(([0], np.cumsum(np.bincount(keys, minlength=1 << band.width))))
    asking = band.keys(rows.queries)
    asked = np.argsort(asking, kind="stable")
    for mask in band.masks():
        # Of two buckets of one table that a mask links, the lower one looks up the higher one.
        half = (asking[asked] >> (mask.bit_length() - 1)) & 1 == 0 if rows.itself and mask else slice(None)
        query = asked[half]
        wanted = asking[query] ^ mask
        low, high = starts[wanted], starts[wanted + 1]
        some = np.flatnonzero(high > low)
        query, low, high = query[some], low[some], high[some]
        before, after = _own_range(table, wanted[some], rows, query, low, high)
        if not (rows.itself and not mask):
            yield from _expand(query, low, before, order, cap)
        yield from _expand(query, after, high, order, cap)


def _own_range(
    table: Numbers, wanted: Numbers, rows: _Rows, query: Numbers, low: Numbers, high: Numbers
) -> tuple[Numbers, Numbers]:
    """Where the query's own group begins and ends in its bucket; not looked for in small buckets (filtered later)."""
    before, after = low.copy(), low.copy()
    full = np.flatnonzero(high - low > 4)
    groups = int(rows.index_groups.max(initial=0)) + 2
    own = wanted[full] * groups + np.minimum(rows.query_groups[query[full]], groups - 1)
    before[full] = np.searchsorted(table, own)
    after[full] = np.searchsorted(table, own, side="right")
    return before, after


def _expand(
    query: Numbers, low: Numbers, high: Numbers, order: NDArray[np.int64], cap: int | None
) -> Iterator[tuple[Numbers, Numbers]]:
    """Every query row with every row of its range."""
    counts = high - low if cap is None else np.minimum(high - low, cap)
    totals = np.cumsum(counts)
    at, done = 0, 0
    while at < len(query):
        stop = max(int(np.searchsorted(totals, done + AT_ONCE, side="right")), at + 1)
        part = counts[at:stop]
        places = np.arange(totals[stop - 1] - done) + np.repeat(low[at:stop] - (totals[at:stop] - part - done), part)
        if len(places):
            yield np.repeat(query[at:stop], part), order[places]
        at, done = stop, int(totals[stop - 1])
