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
from dataclasses import dataclass

import polars as pl

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.splits.balance import IMAGES, balance, weigh_strata
from medmultipoints.transforms.splits.groups import find_groups
from medmultipoints.transforms.splits.official import official_name

PRECEDENCE = ("test", "validation", "train")


@dataclass(frozen=True, slots=True)
class Group:
    """Images that must share a split; ``fixed``: pre-assigned split; ``strata``: images of each stratum."""

    group_id: str
    source: str
    fixed: str | None
    strata: Mapping[str, int]

    @property
    def images(self) -> int:
        return self.strata[IMAGES]


def assign_splits(
    images: pl.DataFrame,
    samples: pl.DataFrame,
    duplicates: pl.DataFrame,
    *,
    fractions: Mapping[str, float],
    seed: int,
    honour_official: bool = False,
    near: pl.DataFrame | None = None,
    strata: pl.DataFrame | None = None,
    previous: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the table ``splits``: each of the kept ``images`` with its group and split.

    ``samples`` must hold kept images and dropped copies; ``duplicates`` and ``near`` link them. ``strata``: sample_id
    and stratum; ``previous``: sample_id and split of images in the previous release (``know_previous``).
    Raise UsageError if ``fractions`` are not positive or do not add up to 1.
    """
    _check_fractions(fractions)
    members = find_groups(images, samples, duplicates, near)
    groups = _summarise(members, fixed_splits(members, samples, fractions, honour_official, previous), strata)
    placed: dict[str, str] = {}
    for source in sorted({group.source for group in groups}):
        own = [group for group in groups if group.source == source]
        placed |= _place(own, fractions, seed, known=previous is not None)
    return members.select(
        "sample_id", "group_id", split=pl.col("group_id").replace_strict(placed, return_dtype=pl.String)
    ).sort("sample_id")


def order_groups(group_ids: Sequence[str], seed: int) -> list[str]:
    """Return the ids sorted by the sha256 of "seed:group_id"."""
    return sorted(group_ids, key=lambda group_id: hashlib.sha256(f"{seed}:{group_id}".encode()).digest())


def fixed_splits(
    members: pl.DataFrame,
    samples: pl.DataFrame,
    fractions: Mapping[str, float],
    honour_official: bool,
    previous: pl.DataFrame | None,
) -> dict[str, str]:
    """Return the pre-assigned split of each group that has one, by group_id."""
    fixed: dict[str, str] = {}
    stated = [samples.select("sample_id", split="official_split")] if honour_official else []
    stated += [previous.select("sample_id", "split")] if previous is not None else []
    for table in stated:
        known = table.filter(pl.col("split").is_in(sorted(fractions)))
        splits = members.join(known, on="sample_id").group_by("group_id").agg(pl.col("split").unique())
        fixed |= {group_id: first_split(found) for group_id, found in splits.iter_rows()}
    return fixed


def first_split(splits: Sequence[str]) -> str:
    """Return the first of several splits: test, validation, train, then others by name."""
    return min(splits, key=lambda split: (_rank(official_name(split)), split))


def _rank(split: str) -> int:
    return PRECEDENCE.index(split) if split in PRECEDENCE else len(PRECEDENCE)


def _summarise(members: pl.DataFrame, fixed: Mapping[str, str], strata: pl.DataFrame | None) -> list[Group]:
    """Return the groups with source, pre-assigned split and number of images of each stratum."""
    own = pl.col("base") == pl.col("group_id")
    sources = members.group_by("group_id").agg(pl.col("source").filter(own).first(), pl.len())
    counts: dict[str, dict[str, int]] = {group_id: {} for group_id in sources["group_id"]}
    if strata is not None:
        held = members.join(strata, on="sample_id").group_by("group_id", "stratum").len().sort("group_id", "stratum")
        for group_id, stratum, count in held.iter_rows():
            counts[group_id][stratum] = count
    return [
        Group(group_id, source, fixed.get(group_id), {IMAGES: count} | counts[group_id])
        for group_id, source, count in sources.iter_rows()
    ]


def _place(groups: Sequence[Group], fractions: Mapping[str, float], seed: int, *, known: bool) -> dict[str, str]:
    """Return the split of each group of one source."""
    totals: dict[str, int] = {}
    for group in groups:
        for stratum, count in group.strata.items():
            totals[stratum] = totals.get(stratum, 0) + count
    lacking = {split: {name: share * total for name, total in totals.items()} for split, share in fractions.items()}
    by_id = {group.group_id: group for group in groups}
    placed: dict[str, str] = {}

    def put(group: Group, split: str) -> None:
        placed[group.group_id] = split
        for stratum, count in group.strata.items():
            lacking[split][stratum] -= count

    for group_id in sorted(by_id):
        if (split := by_id[group_id].fixed) is not None:
            put(by_id[group_id], split)
    free = order_groups([group_id for group_id in by_id if group_id not in placed], seed)
    for left, group_id in zip(range(len(free), 0, -1), free, strict=True):
        empty = set(fractions) - set(placed.values()) if left <= len(fractions) else set()
        eligible = empty if 0 < left <= len(empty) else set(fractions)
        put(by_id[group_id], _choose(by_id[group_id], eligible, lacking, totals, fractions))
    if known:
        return placed
    held = {group_id: by_id[group_id].strata for group_id in by_id}
    return balance(placed, free, held, fractions, weigh_strata(totals), IMAGES)


def _choose(
    group: Group,
    eligible: set[str],
    lacking: Mapping[str, Mapping[str, float]],
    totals: Mapping[str, int],
    fractions: Mapping[str, float],
) -> str:
    """Return the split for a free group: the one that lacks most of its strata and has room, else most images."""
    fits = {split for split in eligible if lacking[split][IMAGES] >= group.images}

    def gain(split: str) -> float:
        if split not in fits:
            return lacking[split][IMAGES]
        return sum(count * lacking[split][name] / totals[name] for name, count in group.strata.items())

    return max(fits or eligible, key=lambda split: (gain(split), lacking[split][IMAGES], fractions[split], split))


def _check_fractions(fractions: Mapping[str, float]) -> None:
    stated = ", ".join(f"{split} = {fraction}" for split, fraction in fractions.items())
    if not all(math.isfinite(fraction) and fraction > 0 for fraction in fractions.values()):
        raise UsageError(f"split fractions must be above 0: {stated}. Leave out a split that should be empty.")
    if not math.isclose(math.fsum(fractions.values()), 1, abs_tol=1e-6):
        raise UsageError(f"split fractions must add up to 1, not {math.fsum(fractions.values())}: {stated}.")
