"""Strata to balance between splits: labels, and labels by number of objects."""

from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl

from medmultipoints.transforms.compose.policy import Policy, select_regions

IMAGES = ""
"""The stratum of all images of a source."""

BUCKET = " up to "


def weigh_strata(names: Iterable[str]) -> dict[str, float]:
    """Return the weight of each stratum: 1 for all images and for each label, together 0.5 for a label's buckets."""
    ordered = sorted(names)
    buckets = Counter(name.rpartition(BUCKET)[0] for name in ordered if BUCKET in name)
    return {name: 0.5 / buckets[name.rpartition(BUCKET)[0]] if BUCKET in name else 1.0 for name in ordered}


def find_strata(regions: pl.DataFrame, policy: Policy, own: Mapping[str, Policy] | None = None) -> pl.DataFrame:
    """Return (sample_id, stratum) rows: each label of an image, and each label with its count bucket.

    Buckets double: 1, 2, 3-4, 5-8, ... objects. Images without objects under the policy have no strata.
    """
    counts = select_regions(regions, policy, own).group_by("sample_id", "label").len("count")
    bucket = pl.col("count").cast(pl.Float64).log(2).ceil().cast(pl.Int64)
    labels = counts.select("sample_id", stratum="label")
    buckets = counts.select("sample_id", stratum=pl.format("{}" + BUCKET + "{}", "label", 2**bucket))
    return pl.concat([labels, buckets]).sort("sample_id", "stratum")
