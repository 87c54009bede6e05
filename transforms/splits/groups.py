"""Find groups of images that must share a split."""

import polars as pl

from medmultipoints.transforms.duplicates.clusters import find_clusters

ALONE = pl.col("video_id").is_null() & pl.col("group_id").str.starts_with("image:")
"""Whether no source names the group of an image: neither a patient nor a video nor a volume."""


def find_groups(
    images: pl.DataFrame, samples: pl.DataFrame, duplicates: pl.DataFrame, near: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return sample_id, source, base (its own base group) and group_id of every kept image, sorted by sample_id.

    A base group is the patient, examination or volume that a source names, or a video (and so a participant), or a
    single image if neither is known. Base groups with copies of the same image (``duplicates``: sample_id, kept_id) or
    near-duplicates (``near``: sample_id, other_id) are joined, directly or through others, even if the copy is not
    released. The joined group is named by the smallest base group with a released image.
    """
    bases = samples.select("sample_id", base=_base_group())
    pairs = [duplicates.select(one="sample_id", two="kept_id")]
    pairs += [near.select(one="sample_id", two="other_id")] if near is not None else []
    links = pl.concat(pairs).join(bases, left_on="one", right_on="sample_id")
    links = links.join(bases, left_on="two", right_on="sample_id", suffix="_two")
    joined = find_clusters(links.select("base", "base_two").unique().iter_rows())
    return (
        images.select("sample_id", "source")
        .join(bases, on="sample_id", how="left", validate="1:1")
        .with_columns(group_id=pl.col("base").min().over(pl.col("base").replace(joined)))
        .sort("sample_id")
    )


def _base_group() -> pl.Expr:
    named = pl.format("group:{}/{}", "source", "group")
    video = pl.format("video:{}/{}", "source", "video_id")
    return pl.coalesce(named, video, pl.format("image:{}", "sample_id"))
