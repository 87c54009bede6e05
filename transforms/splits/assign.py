"""Assign groups of images to splits, deterministically.

The algorithm runs for each source separately, so that each split holds its share of each source:

1. Groups come from ``transforms.splits.groups``; a group belongs to the source of the base group that names it.
2. A group with images of the previous release keeps their split. With ``honour_official``, other groups go to the
   split that their source assigns. If a group has several such splits, it goes to the first of test, validation,
   train and then others by name: test data are never trained on.
3. The other (free) groups follow in the order of sha256(seed, group_id). Among the splits that lack at least as many
   images as the group has, it goes to the one that lacks most of its strata: the sum over images, labels and count
   buckets of the group's share of the stratum times the split's lack of it. If there is none, the split that lacks most
   images takes the group. Once only as many groups are left as there are empty splits, only empty splits are
   considered, so that a source with enough groups is in every split.
4. Without a previous release, and with at most ``transforms.splits.balance.MOST_GROUPS`` free groups, groups are
   exchanged between splits as long as that makes the strata more even.

Without a previous release, the size of every split therefore differs from its share of a source by at most that
source's largest group. Nothing depends on the order of rows or splits.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.columns.ranges import join_sorted
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.splits.balance import IMAGES, MOST_GROUPS, balance, weigh_strata
from medmultipoints.transforms.splits.groups import find_groups
from medmultipoints.transforms.splits.numbered_groups import Groups, Numbers, Strata, number_groups
from medmultipoints.transforms.splits.official import official_name

PRECEDENCE = ("test", "validation", "train")
UNPLACED = -1
Places = NDArray[np.int8]
"""The place of each group's split in the recipe's order, or ``UNPLACED``."""


def assign_splits(
    images: pl.DataFrame,
    samples: pl.DataFrame | pl.LazyFrame,
    duplicates: pl.DataFrame,
    *,
    fractions: Mapping[str, float],
    seed: int,
    honour_official: bool = False,
    near: pl.DataFrame | None = None,
    strata: Strata | None = None,
    previous: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the table ``splits``: each of the kept ``images`` with its group and split.

    ``samples`` must hold kept images and dropped copies; ``duplicates`` and ``near`` link them. ``strata`` returns
    sample_id and stratum of some images; ``previous``: sample_id and split of images in the previous release
    (``know_previous``). Raise UsageError if ``fractions`` are not positive or do not add up to 1.
    """
    _check_fractions(fractions)
    members = find_groups(images, samples, duplicates, near)
    groups = number_groups(members, strata)
    stated = [samples.lazy().select("sample_id", split="official_split")] if honour_official else []
    stated += [previous.lazy().select("sample_id", "split")] if previous is not None else []
    placed = fixed_splits(members, groups, stated, list(fractions))
    for source in range(len(groups.source_names)):
        _place(groups, source, placed, fractions, seed, known=previous is not None)
    names = dict(enumerate(fractions))
    split = pl.Series("split", placed[groups.of_image]).replace_strict(names, return_dtype=pl.String)
    return members.select("sample_id", "group_id", split)


def order_groups(group_ids: Sequence[str] | pl.Series, seed: int) -> Numbers:
    """Return the positions of the ids in the order of the sha256 of "seed:group_id"."""
    digests = bytearray(32 * len(group_ids))
    for position, group_id in enumerate(group_ids):
        digests[32 * position : 32 * position + 32] = hashlib.sha256(f"{seed}:{group_id}".encode()).digest()
    words = np.frombuffer(digests, ">u8").reshape(-1, 4)
    return np.lexsort(words.T[::-1])


def fixed_splits(
    members: pl.DataFrame, groups: Groups, stated: Sequence[pl.LazyFrame], splits: Sequence[str]
) -> Places:
    """Return the pre-assigned split of each group that has one; a later table of ``stated`` overrules an earlier."""
    placed = np.full(len(groups.names), UNPLACED, np.int8)
    ranks = {split: rank for rank, split in enumerate(PRECEDENCE)}
    order = sorted(splits, key=lambda split: (ranks.get(official_name(split), len(ranks)), split))
    for table in stated:
        known = table.filter(pl.col("split").is_in(order)).with_columns(
            rank=pl.col("split").replace_strict({split: n for n, split in enumerate(order)}, return_dtype=pl.UInt8)
        )
        found = known.select("sample_id", "rank").collect(engine="streaming")
        rank = join_sorted(members.select("sample_id"), found)["rank"]
        first = np.full(len(placed), len(order), np.uint8)
        np.minimum.at(first, groups.of_image[rank.is_not_null().to_numpy()], rank.drop_nulls().to_numpy())
        places = np.array([*map(splits.index, order), UNPLACED], np.int8)
        placed = np.where(first < len(order), places[first], placed)
    return placed


def _place(
    groups: Groups, source: int, placed: Places, fractions: Mapping[str, float], seed: int, *, known: bool
) -> None:
    """Place each group of one source that is not placed."""
    own, splits = np.flatnonzero(groups.sources == source), list(fractions)
    totals = groups.totals(source)
    lacking = {split: {name: share * total for name, total in totals.items()} for split, share in fractions.items()}

    def put(number: int, strata: Mapping[str, int], split: str) -> None:
        placed[number] = splits.index(split)
        for stratum, count in strata.items():
            lacking[split][stratum] -= count

    for number in map(int, own[placed[own] != UNPLACED]):
        put(number, groups.strata(number), splits[placed[number]])
    free = own[placed[own] == UNPLACED]
    free = free[order_groups(groups.names.gather(free), seed)]
    for left, number in zip(range(len(free), 0, -1), map(int, free), strict=True):
        used = {splits[place] for place in np.unique(placed[own]) if place != UNPLACED} if left <= len(splits) else None
        empty = set(fractions) - used if used is not None else set[str]()
        eligible = empty if 0 < left <= len(empty) else set(fractions)
        strata = groups.strata(number)
        put(number, strata, _choose(strata, eligible, lacking, totals, fractions))
    if not known and 0 < len(free) <= MOST_GROUPS:
        _balance(groups, own, free, placed, fractions, totals)


def _balance(
    groups: Groups,
    own: Numbers,
    free: Numbers,
    placed: Places,
    fractions: Mapping[str, float],
    totals: Mapping[str, int],
) -> None:
    """Exchange the few free groups of a source between splits."""
    names, splits = {int(number): groups.names[int(number)] for number in own}, list(fractions)
    before = {name: splits[placed[number]] for number, name in names.items()}
    held = {name: groups.strata(number) for number, name in names.items()}
    order = [names[int(number)] for number in free]
    after = balance(before, order, held, fractions, weigh_strata(totals), IMAGES)
    for number in map(int, free):
        placed[number] = splits.index(after[names[number]])


def _choose(
    strata: Mapping[str, int],
    eligible: set[str],
    lacking: Mapping[str, Mapping[str, float]],
    totals: Mapping[str, int],
    fractions: Mapping[str, float],
) -> str:
    """Return the split for a free group: the one that lacks most of its strata and has room, else most images."""
    fits = {split for split in eligible if lacking[split][IMAGES] >= strata[IMAGES]}

    def gain(split: str) -> float:
        if split not in fits:
            return lacking[split][IMAGES]
        return sum(count * lacking[split][name] / totals[name] for name, count in strata.items())

    return max(fits or eligible, key=lambda split: (gain(split), lacking[split][IMAGES], fractions[split], split))


def _check_fractions(fractions: Mapping[str, float]) -> None:
    stated = ", ".join(f"{split} = {fraction}" for split, fraction in fractions.items())
    if not all(math.isfinite(fraction) and fraction > 0 for fraction in fractions.values()):
        raise UsageError(f"split fractions must be above 0: {stated}. Leave out a split that should be empty.")
    if not math.isclose(math.fsum(fractions.values()), 1, abs_tol=1e-6):
        raise UsageError(f"split fractions must add up to 1, not {math.fsum(fractions.values())}: {stated}.")
