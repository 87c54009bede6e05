"""Find near-duplicates: pictures that were re-encoded, resized, brightened, slightly cropped or mirrored.

Candidates come from 64-bit hashes: each picture's hash is looked up within ``RADIUS`` bits by the hashes of windows of
every other picture, plain and mirrored. Each candidate is then confirmed by correlation
(``transforms.pictures.thumbnails``); its distance is 1 - correlation, 0 for a copy. Pictures of one group (a video)
are never compared with each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from medmultipoints.transforms.columns.ranges import join_sorted
from medmultipoints.transforms.duplicates.candidates import Candidates, Pictures, search
from medmultipoints.transforms.duplicates.hash_search import Method
from medmultipoints.transforms.pictures.thumbnails import (
    Album,
    Chosen,
    album_of,
    correlate,
    is_flat,
    mirror,
    whole_gradients,
    window_gradients,
)

AT_ONCE = 64
PAIRS_OF_GROUPS = 4
"""Number of nearest pairs reported between two groups (videos)."""

BIN = 0.01
LEAST_THRESHOLD, USUAL_THRESHOLD, MOST_THRESHOLD, MARGIN = 0.05, 0.09, 0.13, 0.02
RULE = (
    f"of the edges of the histogram's bins from {LEAST_THRESHOLD} to {MOST_THRESHOLD}, the one with the fewest pairs "
    f"within {MARGIN}; of equal ones the nearest to {USUAL_THRESHOLD}"
)


@dataclass(frozen=True, slots=True, eq=False)
class NearSearch:
    """Distances of all candidate pairs (sample_id < other_id), sorted by distance, and the method of the search.

    ``compared``: number of pictures compared; ``flat``: number of pictures too uniform to compare. ``method``:
    ``capped`` if the search left out candidates.
    """

    pairs: pl.DataFrame
    compared: int
    flat: int
    method: Method


def find_near(pictures: pl.DataFrame, album: Album | None = None) -> NearSearch:
    """Return candidate pairs of ``pictures`` (sample_id, group_id) between groups, with their distances.

    Thumbnails come from ``album``, or from the column ``thumbnail``. Finds all pairs whose hashes are within the
    radius, but only the nearest pairs between two groups. The order of the rows does not matter.
    """
    album = album or album_of(pictures)
    rows = pl.DataFrame({"sample_id": album.names, "row": np.arange(len(album.names))})
    ordered = join_sorted(pictures.select("sample_id", "group_id"), rows).drop_nulls("row")
    ordered = ordered.sort("group_id", maintain_order=True)
    small = Chosen(album.small, ordered["row"].to_numpy())
    seen = ~is_flat(small)
    named = ordered.filter(pl.Series(seen, dtype=pl.Boolean)).select("sample_id", "group_id")
    new = (named["group_id"] != named["group_id"].shift(1)).fill_null(True)
    chosen = Pictures(np.cumsum(new.to_numpy()) - 1, Chosen(album.small, small.rows[seen]))
    candidates, method = search(chosen)
    return NearSearch(_name(_confirm(chosen, candidates), named), named.height, int((~seen).sum()), method)


def count_distances(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the histogram of the nearest pair of each two groups: ``at_least`` (0 to 1 by 0.01) and ``pairs``."""
    nearest = pairs.group_by("group_id", "other_group").agg(pl.col("distance").min())
    bins = ((nearest["distance"] * 10_000).round().cast(pl.Int64) // 100).clip(0, 100)
    counted = pl.DataFrame({"bin": bins}).group_by("bin").len("pairs")
    table = pl.DataFrame({"bin": range(101)}).join(counted, on="bin", how="left").sort("bin")
    return table.select(at_least=pl.col("bin") / 100, pairs=pl.col("pairs").fill_null(0).cast(pl.Int64))


def choose_threshold(histogram: pl.DataFrame) -> float:
    """Return the distance below which pictures are near-duplicates, chosen by ``RULE``."""
    counts = histogram["pairs"].to_list()
    least, usual, most, margin = (
        round(value / BIN) for value in (LEAST_THRESHOLD, USUAL_THRESHOLD, MOST_THRESHOLD, MARGIN)
    )
    around = {edge: sum(counts[edge - margin : edge + margin]) for edge in range(least, most + 1)}
    return min(around, key=lambda edge: (around[edge], abs(edge - usual), edge)) / 100


def _confirm(pictures: Pictures, candidates: Candidates) -> pl.DataFrame:
    """Return each pair of rows once, first < second, with its smallest distance."""
    table = pl.DataFrame(
        {"a": candidates.first, "b": candidates.second, "mirrored": candidates.mirrored, "bits": candidates.bits}
    )
    asked = table.group_by("a", "b", "mirrored").agg(pl.col("bits").min()).sort("a", "b", "mirrored")
    parts = [pl.DataFrame(schema={"best": pl.Float64, "plain": pl.Float64}), *_measure(pictures, asked)]
    measured = asked.with_columns(pl.concat(parts)).select(
        first=pl.min_horizontal("a", "b"),
        second=pl.max_horizontal("a", "b"),
        hash_distance="bits",
        distance=(1 - pl.col("best")).clip(0).round(4),
        evidence=pl.when("mirrored").then(pl.lit("mirrored"))
        .when(pl.col("plain") >= pl.col("best") - BIN).then(pl.lit("copy")).otherwise(pl.lit("crop")),
    )  # fmt: skip
    nearest = measured.sort("distance", "evidence", "hash_distance").group_by("first", "second", maintain_order=True)
    return nearest.agg(pl.col("hash_distance").min(), pl.col("distance", "evidence").first())


def _measure(pictures: Pictures, asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the ``best`` correlation over all windows and ``plain`` of whole pictures, in the order of ``asked``."""
    rows = asked.partition_by("a", maintain_order=True)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        windows = window_gradients(pictures.small[np.array([block["a"][0] for block in part])])
        for block, own in zip(part, windows, strict=True):
            second, flipped = pictures.small[block["b"].to_numpy()], block["mirrored"].to_numpy()
            whole = whole_gradients(np.where(flipped[:, None, None], mirror(second), second))
            found = correlate(whole, own)
            yield pl.DataFrame({"best": found.max(axis=1), "plain": found[:, 0]})


def _name(confirmed: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs with sample and group ids, only the nearest between each two groups."""
    ids, groups = named["sample_id"], named["group_id"]
    first, second = confirmed["first"], confirmed["second"]
    table = confirmed.with_columns(
        one=ids.gather(first), two=ids.gather(second), its=groups.gather(first), theirs=groups.gather(second)
    )
    swapped = pl.col("one") > pl.col("two")
    pairs = table.select(
        sample_id=pl.min_horizontal("one", "two"),
        other_id=pl.max_horizontal("one", "two"),
        group_id=pl.when(swapped).then("theirs").otherwise("its"),
        other_group=pl.when(swapped).then("its").otherwise("theirs"),
        hash_distance="hash_distance",
        distance="distance",
        evidence="evidence",
    )
    both = (pl.min_horizontal("group_id", "other_group"), pl.max_horizontal("group_id", "other_group"))
    ordered = pairs.sort("distance", "sample_id", "other_id")
    return ordered.filter(pl.int_range(pl.len()).over(*both) < PAIRS_OF_GROUPS)


def near_tables(
    members: pl.DataFrame, thumbnails: pl.DataFrame | Album, threshold: float | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables ``near_duplicates`` and ``near_distances``.

    ``members``: sample_id, source and group_id of the images; ``threshold``: the distance below which pictures are
    near-duplicates; None chooses it from the histogram.
    """
    pairs = find_near(members, album_of(thumbnails)).pairs
    histogram = count_distances(pairs)
    limit = choose_threshold(histogram) if threshold is None else threshold
    sources = members.select("sample_id", "source")
    near = (
        pairs.filter(pl.col("distance") < limit)
        .join(sources, on="sample_id")
        .join(sources.rename({"sample_id": "other_id", "source": "other_source"}), on="other_id")
        .with_columns(
            pair_id=pl.format("{}|{}", "sample_id", "other_id"), same_source=pl.col("source") == pl.col("other_source")
        )
    )
    return near, histogram.with_columns(near=pl.col("at_least") < limit)


def near_threshold(histogram: pl.DataFrame) -> float:
    """Return the threshold recorded in ``near_distances``: the upper edge of its last near bin."""
    return int(histogram["near"].sum()) / 100
