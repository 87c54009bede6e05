"""Strata: what splits should hold equal shares of, beside images: labels, and labels by number of objects."""

import polars as pl

from transforms.object_rows import Policy, select_regions


def find_strata(regions: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """sample_id and stratum of each image, several rows an image: each label, and each label with its count bucket.

    Buckets double: 1, 2, 3-4, 5-8, ... objects. Images without objects under the policy have no stratum.
    """
    counts = select_regions(regions, policy).group_by("sample_id", "label").len("count")
    bucket = pl.col("count").cast(pl.Float64).log(2).ceil().cast(pl.Int64)
    labels = counts.select("sample_id", stratum="label")
    buckets = counts.select("sample_id", stratum=pl.format("{} up to {}", "label", 2**bucket))
    return pl.concat([labels, buckets]).sort("sample_id", "stratum")
