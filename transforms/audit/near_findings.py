"""List near-duplicates as audit findings; they share a group, which is not an error."""

import polars as pl

from medmultipoints.transforms.audit.findings import as_findings

ACTION = "the pair (table near_duplicates) is one group: never in different splits"


def near_findings(near: pl.DataFrame, images: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the table ``disagreements``: one per image of each near-duplicate pair."""
    sides = [
        near.select(sample_id=one, other_id=two) for one, two in (("sample_id", "other_id"), ("other_id", "sample_id"))
    ]
    both = pl.concat(sides).sort("sample_id", "other_id")
    number = pl.int_range(pl.len()).over("sample_id")
    named = both.join(images.select("sample_id", "source", "image_sha256"), on="sample_id", maintain_order="left")
    named = named.join(samples.select("sample_id", "stem"), on="sample_id", maintain_order="left")
    found = named.with_columns(
        finding_id=pl.format("{}:near_duplicate:{}", "sample_id", number),
        kind=pl.lit("near_duplicate"),
        severity=pl.lit("info"),
        label=pl.lit(""),
        action=pl.lit(ACTION),
        detail=pl.format("shows the same as {}", "other_id"),
    )
    return as_findings(found)
