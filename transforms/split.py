"""Deterministic splits by group: what must stay together goes to one split.

The algorithm, for each source on its own (so that each split holds its share of each source):

1. A base group is a video, or one image where there is none. Base groups that hold copies of the same
   image are joined (connected components), also when the copy itself is not released. The joined group is
   named by the smallest base group that has a released image, and belongs to that one's source.
2. With ``honour_official``, groups whose source assigns a split of the recipe are placed there first.
3. The other groups are taken in the order of sha256(seed, group_id), and each goes to the split that lacks
   most images of its share. When no more groups are left than splits are empty, only empty splits are
   considered: a source with enough groups is in every split.

So no split exceeds its share of a source by more than that source's largest group, and none falls short by
more either, as long as each share is at least one group. Nothing depends on the order of rows or splits.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from transforms.clusters import find_clusters
from transforms.errors import UsageError

PRECEDENCE = ("test", "validation", "train")


@dataclass(frozen=True, slots=True)
class Group:
    """Images that may not be divided; ``official`` is the split that their source assigns."""

    group_id: str
    source: str
    images: int
    official: str | None


def assign_splits(
    images: pl.DataFrame,
    samples: pl.DataFrame,
    duplicates: pl.DataFrame,
    *,
    fractions: Mapping[str, float],
    seed: int,
    honour_official: bool = False,
) -> pl.DataFrame:
    """The table ``splits``: each image of ``images`` (the kept ones) with its group and split.

    ``samples`` must hold kept images and dropped copies; ``duplicates`` links them (sample_id, kept_id).
    Where a group holds several official splits, test comes before validation before train before others.
    Raises UsageError where ``fractions`` are not positive or do not add up to 1.
    """
    _check_fractions(fractions)
    members = find_groups(images, samples, duplicates)
    groups = _summarise(members, samples, fractions if honour_official else ())
    placed: dict[str, str] = {}
    for source in sorted({group.source for group in groups}):
        placed |= _place([group for group in groups if group.source == source], fractions, seed)
    return members.select(
        "sample_id", "group_id", split=pl.col("group_id").replace_strict(placed, return_dtype=pl.String)
    ).sort("sample_id")


def find_groups(images: pl.DataFrame, samples: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """sample_id, source, base (its own video or image) and group_id of every kept image, sorted by sample_id."""
    bases = samples.select("sample_id", base=_base_group())
    links = duplicates.select("sample_id", "kept_id").join(bases, on="sample_id")
    links = links.join(bases, left_on="kept_id", right_on="sample_id", suffix="_kept")
    joined = find_clusters(links.select("base", "base_kept").unique().iter_rows())
    return (
        images.select("sample_id", "source")
        .join(bases, on="sample_id", how="left", validate="1:1")
        .with_columns(group_id=pl.col("base").min().over(pl.col("base").replace(joined)))
        .sort("sample_id")
    )


def order_groups(group_ids: Sequence[str], seed: int) -> list[str]:
    """The ids in an order that only ``seed`` and each id decide: by sha256 of "seed:group_id"."""
    return sorted(group_ids, key=lambda group_id: hashlib.sha256(f"{seed}:{group_id}".encode()).digest())


def _base_group() -> pl.Expr:
    video = pl.format("video:{}/{}", "source", "video_id")
    return pl.when(pl.col("video_id").is_null()).then(pl.format("image:{}", "sample_id")).otherwise(video)


def _summarise(
    members: pl.DataFrame, samples: pl.DataFrame, honoured: Sequence[str] | Mapping[str, float]
) -> list[Group]:
    own = pl.col("base") == pl.col("group_id")
    table = (
        members.join(samples.select("sample_id", "official_split"), on="sample_id", how="left")
        .group_by("group_id")
        .agg(pl.col("source").filter(own).first(), images=pl.len(), official=pl.col("official_split").unique())
    )
    return [
        Group(group_id, source, count, _official([split for split in official if split in honoured]))
        for group_id, source, count, official in table.iter_rows()
    ]


def _official(splits: Sequence[str]) -> str | None:
    known = [split for split in PRECEDENCE if split in splits]
    return next(iter(known + sorted(splits)), None)


def _place(groups: Sequence[Group], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """The split of each group of one source."""
    total = sum(group.images for group in groups)
    lacking = {split: fraction * total for split, fraction in fractions.items()}
    placed = {group.group_id: group.official for group in groups if group.official is not None}
    sizes = {group.group_id: group.images for group in groups}
    for group_id, split in placed.items():
        lacking[split] -= sizes[group_id]
    free = order_groups([group_id for group_id in sizes if group_id not in placed], seed)
    for left, group_id in zip(range(len(free), 0, -1), free, strict=True):
        empty = set(fractions) - set(placed.values()) if left <= len(fractions) else set()
        eligible = empty if 0 < left <= len(empty) else fractions
        split = max(eligible, key=lambda split: (lacking[split], fractions[split], split))
        placed[group_id] = split
        lacking[split] -= sizes[group_id]
    return placed


def _check_fractions(fractions: Mapping[str, float]) -> None:
    stated = ", ".join(f"{split} = {fraction}" for split, fraction in fractions.items())
    if not all(math.isfinite(fraction) and fraction > 0 for fraction in fractions.values()):
        raise UsageError(f"split fractions must be above 0: {stated}. Leave out a split that shall hold nothing.")
    if not math.isclose(math.fsum(fractions.values()), 1, abs_tol=1e-6):
        raise UsageError(f"split fractions must add up to 1, not {math.fsum(fractions.values())}: {stated}.")
