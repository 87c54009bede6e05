"""Find pairs of 64-bit hashes that differ in few bits, without comparing every hash with every other.

Multi-index hashing (Norouzi, Punjani and Fleet 2012): divide the 64 bits into bands that allow t1, t2, ...
differences, with (t1 + 1) + (t2 + 1) + ... > radius. By the pigeonhole principle, two hashes within ``radius`` bits
agree in some band up to its t bits. So the index is sorted by each band's bits, and each query looks up its own bits
with every choice of up to t of them flipped. The number of bands affects the time, not the result.

Rows belong to groups (a video, or one picture); only pairs of different groups are returned, and between two groups
at most the ``NEAREST`` nearest (single pictures of the index count as one group). If there are few rows, or buckets are
so full that lookups gain nothing, all pairs are compared block by block (``transforms.duplicates.all_pairs``). If
there are too many rows for that, only the first rows of each bucket are compared.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.duplicates.all_pairs import (
    Hashes,
    Numbers,
    Pairs,
    Rows,
    compare_all,
    keep_nearest,
    no_pairs,
)

FEWEST_BANDS, MOST_BANDS = 3, 5  # with fewer, the table of buckets exceeds the processor's cache
AT_ONCE = 1 << 18
GATHERED = 1 << 21
LOOKUP_COST = 16
"""Cost of one looked-up candidate, in comparisons of ``all_pairs``."""
FEW_COMPARISONS = 1 << 24
"""Number of comparisons up to which ``all_pairs`` is faster: 2.8 ms in place of 10.8 for 1,400 hashes."""
MOST_COMPARISONS = 4 * 10**10
REPRESENTATIVES = 8
SMALL = 8
QUERIES_AT_ONCE = 1 << 15  # so many fit the processor's cache
Places = NDArray[np.int32]
Method = Literal["bands", "all_pairs", "capped"]


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Near rows of queries and index with their number of differing bits, sorted by query and index.

    ``method``: ``bands`` and ``all_pairs`` are complete up to ``NEAREST``; ``capped`` left out rows of full buckets.
    """

    query: Numbers
    index: Numbers
    bits: Numbers
    method: Method


@dataclass(frozen=True, slots=True)
class Band:
    """A band of ``width`` bits from bit ``shift`` on, in which near hashes may differ by ``flips`` bits."""

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
    """Raised if lookups would cost more than comparing all pairs."""


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

    Both must be sorted by group and use the same group numbers. With ``itself`` they are the same table, and each
    pair occurs once, with query < index. ``crowded``: skip lookups, which are known to gain nothing.
    """
    pairs, method = _search(Rows(queries, query_groups, index, index_groups, radius, itself), crowded=crowded)
    order = np.lexsort((pairs[1], pairs[0]))
    query, found, bits = (column[order] for column in pairs)
    return HashPairs(query, found, bits, method)


def _search(rows: Rows, *, crowded: bool) -> tuple[Pairs, Method]:
    """Return the near pairs by the cheapest method that fits."""
    comparisons = len(rows.queries) * len(rows.index)
    if not crowded and comparisons > FEW_COMPARISONS:
        with suppress(_TooFullError):
            return _look_up(rows, budget=max(comparisons // LOOKUP_COST, AT_ONCE)), "bands"
    if comparisons <= MOST_COMPARISONS:
        return compare_all(rows), "all_pairs"
    return _look_up(rows, cap=REPRESENTATIVES), "capped"


def plan_bands(queries: int, index: int, radius: int) -> tuple[Band, ...]:
    """Return the cheapest division of the 64 bits into bands, assuming evenly spread hashes."""
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
    """Return the near pairs found by lookups in every band; raise _TooFullError above ``budget`` candidates."""
    bands = plan_bands(len(rows.queries), len(rows.index), rows.radius)
    kept, found, handed, gathered = no_pairs(), [no_pairs()], 0, 0
    for place, band in enumerate(bands):
        table = _Table(band, rows)
        for query, index in table.candidates(cap):
            handed += len(query)
            if budget is not None and handed > budget:
                raise _TooFullError
            near = table.near(query, index, bands[:place])
            if len(near[0]):
                found.append(near)
                gathered += len(near[0])
            if gathered > GATHERED:
                kept, found, gathered = keep_nearest([kept, *found], rows), [], 0
    return keep_nearest([kept, *found], rows)


class _Table:
    """Queries and index sorted by one band's bits, and by group within a bucket.

    Works on positions in the sorted order, whose hashes are contiguous in memory.
    """

    def __init__(self, band: Band, rows: Rows) -> None:
        self.band, self.rows = band, rows
        keys, asking = band.keys(rows.index), band.keys(rows.queries)
        self.index = np.argsort(keys, kind="stable")
        self.queries = self.index if rows.itself else np.argsort(asking, kind="stable")
        self.index_hashes = rows.index[self.index]
        self.query_hashes = self.index_hashes if rows.itself else rows.queries[self.queries]
        self.asking = asking[self.queries].astype(np.int32)
        self.asking_groups = rows.query_groups[self.queries]
        counts = np.bincount(keys, minlength=1 << band.width)
        self.starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        self.groups = int(max(rows.index_groups.max(initial=0), rows.query_groups.max(initial=0))) + 1
        self.places = keys[self.index] * self.groups + rows.index_groups[self.index]

    def candidates(self, cap: int | None) -> Iterator[tuple[Places, Places]]:
        """Yield positions of queries and index in a common bucket, at most ``cap`` of each range."""
        everywhere = np.arange(len(self.asking), dtype=np.int32)
        lower, top = everywhere, 0
        for mask in sorted(self.band.masks(), key=int.bit_length):
            if self.rows.itself and mask.bit_length() != top:
                # A mask links two buckets of one table: only the lower one looks up the higher one.
                top = mask.bit_length()
                lower = everywhere[(self.asking >> (top - 1)) & 1 == 0]
            wanted = self.asking[lower] ^ np.int32(mask)
            low, high = self.starts[wanted], self.starts[wanted + 1]
            some = np.flatnonzero(high > low)
            yield from self._in_buckets(wanted[some], lower[some], low[some], high[some], cap, same=not mask)

    def _in_buckets(
        self, wanted: Places, query: Places, low: Places, high: Places, cap: int | None, *, same: bool
    ) -> Iterator[tuple[Places, Places]]:
        """Yield each query with the positions in its bucket, except those of its own group.

        In small buckets, ``near`` filters out the own group later. ``same``: the bucket is the query's own.
        """
        size = high - low
        small, full = np.flatnonzero(size <= SMALL), np.flatnonzero(size > SMALL)
        first = np.maximum(low, query + 1) if self.rows.itself and same else low
        yield from _pair_short_ranges(query[small], first[small], high[small], cap)
        own = wanted[full].astype(np.int64) * self.groups + self.asking_groups[query[full]]
        before, after = (np.searchsorted(self.places, own, side=side).astype(np.int32) for side in ("left", "right"))
        if not (self.rows.itself and same):
            yield from _pair_long_ranges(query[full], low[full], before, cap)
        yield from _pair_long_ranges(query[full], np.maximum(after, first[full]), high[full], cap)

    def near(self, query: Places, index: Places, earlier: Sequence[Band]) -> Pairs:
        """Return, as rows, the candidates within the radius and of different groups that no earlier band found."""
        differing = self.query_hashes[query] ^ self.index_hashes[index]
        bits = np.bitwise_count(differing)
        near = np.flatnonzero(bits <= self.rows.radius)
        for band in earlier:
            near = near[np.bitwise_count(band.keys(differing[near])) > band.flips]
        own, other = self.queries[query[near]], self.index[index[near]]
        apart = self.rows.query_groups[own] != self.rows.index_groups[other]
        own, other, found = own[apart], other[apart], bits[near][apart].astype(np.int64)
        if self.rows.itself:
            own, other = np.minimum(own, other), np.maximum(own, other)
        return own, other, found


def _pair_short_ranges(query: Places, low: Places, high: Places, cap: int | None) -> Iterator[tuple[Places, Places]]:
    """Yield every query with the positions of its range, at most ``cap``; fast for many queries with short ranges."""
    for start in range(0, len(query), QUERIES_AT_ONCE):
        part = slice(start, start + QUERIES_AT_ONCE)
        own, place = query[part], low[part]
        left = high[part] - place if cap is None else np.minimum(high[part] - place, cap)
        for step in range(int(left.max(initial=0))):
            more = np.flatnonzero(left > step)
            own, place, left = own[more], place[more], left[more]
            yield own, place + np.int32(step)


def _pair_long_ranges(query: Places, low: Places, high: Places, cap: int | None) -> Iterator[tuple[Places, Places]]:
    """Yield every query with the positions of its range, at most ``cap``; fast for few queries with long ranges."""
    counts = high - low if cap is None else np.minimum(high - low, cap)
    totals = np.cumsum(counts, dtype=np.int64)
    at, done = 0, 0
    while at < len(query):
        stop = max(int(np.searchsorted(totals, done + AT_ONCE, side="right")), at + 1)
        part = counts[at:stop]
        place = np.arange(totals[stop - 1] - done) + np.repeat(low[at:stop] - (totals[at:stop] - part - done), part)
        if len(place):
            yield np.repeat(query[at:stop], part), place.astype(np.int32)
        at, done = stop, int(totals[stop - 1])
