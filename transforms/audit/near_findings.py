"""Near-duplicates among the findings of the audit: evidence for groups, not an error."""

import polars as pl

from medmultipoints.transforms.audit.findings import FINDINGS

ACTION = "the pair (table near_duplicates) is one group: never in different splits"
EMPTY = ("source_box", "derived_box", "iou", "side_px")


def near_findings(near: pl.DataFrame, images: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table ``disagreements``: one per image of each near-duplicate pair."""
    sides = [
        near.select(sample_id=one, other_id=two) for one, two in (("sample_id", "other_id"), ("other_id", "sample_id"))
    ]
    both = pl.concat(sides).sort("sample_id", "other_id")
    number = pl.int_range(pl.len()).over("sample_id")
    named = both.join(images.select("sample_id", "source", "image_sha256"), on="sample_id", maintain_order="left")
    named = named.join(samples.select("sample_id", "stem"), on="sample_id", maintain_order="left")
    return named.with_columns(
        finding_id=pl.format("{}:near_duplicate:{}", "sample_id", number),
        kind=pl.lit("near_duplicate"),
        severity=pl.lit("info"),
        label=pl.lit(""),
        action=pl.lit(ACTION),
        detail=pl.format("shows the same as {}", "other_id"),
    ).select(*(pl.lit(None, kind).alias(name) if name in EMPTY else name for name, kind in FINDINGS.items()))
