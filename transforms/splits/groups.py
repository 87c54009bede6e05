"""Find groups of images that must share a split."""

from collections.abc import Mapping

import polars as pl

from medmultipoints.transforms.columns.ranges import join_sorted
from medmultipoints.transforms.duplicates.clusters import find_clusters

ALONE = pl.col("video_id").is_null() & pl.col("group_id").str.starts_with("image:")
"""Whether no source names the group of an image: neither a patient nor a video nor a volume."""


def find_groups(
    images: pl.DataFrame,
    samples: pl.DataFrame | pl.LazyFrame,
    duplicates: pl.DataFrame,
    near: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return sample_id, source, base (its own base group) and group_id of every kept image, sorted by sample_id.

    A base group is the patient, examination or volume that a source names, or a video (and so a participant), or a
    single image if neither is known. Base groups with copies of the same image (``duplicates``: sample_id, kept_id) or
    near-duplicates (``near``: sample_id, other_id) are joined, directly or through others, even if the copy is not
    released; so are base groups of one ``person``, in whichever sources. The joined group is named by the smallest base
    group with a released image.
    """
    bases = samples.lazy().select("sample_id", base=_base_group()).collect(engine="streaming")
    pairs = [duplicates.select(one="sample_id", two="kept_id")]
    pairs += [near.select(one="sample_id", two="other_id")] if near is not None else []
    links = pl.concat(pairs).join(bases, left_on="one", right_on="sample_id")
    links = links.join(bases, left_on="two", right_on="sample_id", suffix="_two")
    links = pl.concat([links.select("base", "base_two"), _same_person(samples.lazy(), bases.lazy())])
    joined = find_clusters(links.unique().iter_rows())
    members = join_sorted(images.select("sample_id", "source"), bases)
    return members.with_columns(group_id=_group_names(members["base"], joined))


def _same_person(samples: pl.LazyFrame, bases: pl.LazyFrame) -> pl.DataFrame:
    """Return pairs (base, base_two) of base groups of one person: each with the person's smallest."""
    people = samples.select("sample_id", "person").drop_nulls().join(bases, on="sample_id")
    pairs = people.select("person", "base").unique().select("base", base_two=pl.col("base").min().over("person"))
    return pairs.filter(pl.col("base") != pl.col("base_two")).collect(engine="streaming")


def _group_names(bases: pl.Series, joined: Mapping[str, str]) -> pl.Series:
    """Return the group of each base group: the smallest base of a released image that it is joined with."""
    named: dict[str, str] = {}
    for base in bases.filter(bases.is_in(list(joined))).unique().sort():
        named.setdefault(joined[base], base)
    return bases.replace({base: named[root] for base, root in joined.items() if root in named})


def _base_group() -> pl.Expr:
    named = pl.format("group:{}/{}", "source", "group")
    video = pl.format("video:{}/{}", "source", "video_id")
    return pl.coalesce(named, video, pl.format("image:{}", "sample_id"))
