"""Find pictures that are too dark, blurred, uniform, oddly shaped or drawn over."""

import numpy as np
import polars as pl

from medmultipoints.transforms.audit.findings import make_findings, without_box
from medmultipoints.transforms.pictures.thumbnails import SIDE, unpack

SEVERITIES = {
    "near_uniform": "warning",
    "dark": "warning",
    "blurred": "info",
    "odd_aspect": "info",
    "overlay_text": "info",
    "position_marker": "info",
}
KEPT = "the picture is kept"

EVEN_LEVELS = 2.5
"""Largest standard deviation of an even picture's thumbnail, in gray levels."""
DARK_LEVEL = 20
"""Largest mean gray level of a dark picture."""
BLURRED_BELOW, BLURRED_SHARE = 4.0, 0.6
"""Sharpness below which a picture is blurred, if it is also below this share of its source's median.

The least sharp of 120 real endoscopic pictures has 5.8; a blur of two pixels leaves 3.6 or less. A source whose
pictures are all soft has no blurred ones. Video frames are not judged: their sharpness depends on the number of
objects.
"""
ODD_ASPECT = 2.0
"""Ratio of the longer to the shorter side."""
TEXT_GLYPHS = 4
MARKER_SHARE = 0.01

ACTION = "the pair (table near_duplicates) is one group: never in different splits"


def find_in_pictures(
    images: pl.DataFrame, samples: pl.DataFrame, thumbnails: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    """Return the findings about the pictures of ``images``; ``facts`` may lack pictures that were not measured.

    An even picture is not also reported as dark or blurred, nor a dark one as blurred.
    """
    videos = samples.select("sample_id", "video_id")
    seen = images.join(thumbnails, on="sample_id", maintain_order="left").join(videos, on="sample_id")
    seen = _with_levels(seen).join(facts, on="sample_id", how="left", maintain_order="left")
    found = pl.concat(
        seen.filter(rule).select("sample_id", kind=pl.lit(kind), label=pl.lit(""), detail=detail)
        for kind, (rule, detail) in _rules().items()
    )
    return make_findings(without_box(found), images, samples, SEVERITIES, {}, KEPT)


def _rules() -> dict[str, tuple[pl.Expr, pl.Expr]]:
    """Return the condition and the detail of each kind of finding."""
    even, dark = pl.col("spread") < EVEN_LEVELS, pl.col("level") < DARK_LEVEL
    usual = pl.col("sharpness").median().over("source")
    blurred = pl.col("sharpness") < pl.min_horizontal(pl.lit(BLURRED_BELOW), BLURRED_SHARE * usual)
    blurred &= pl.col("video_id").is_null()
    aspect = pl.max_horizontal("original_width", "original_height") / pl.min_horizontal(
        "original_width", "original_height"
    )
    size = pl.format("{} x {} px", "original_width", "original_height")
    return {
        "near_uniform": (even, pl.format("gray levels vary by {}", pl.col("spread"))),
        "dark": (dark & ~even, pl.format("mean gray level {}", pl.col("level"))),
        "blurred": (blurred & ~dark & ~even, pl.format("sharpness {}", "sharpness")),
        "odd_aspect": (aspect > ODD_ASPECT, size),
        "overlay_text": (pl.col("glyphs") >= TEXT_GLYPHS, pl.format("{} letters in a line", "glyphs")),
        "position_marker": (
            pl.col("marker_share") >= MARKER_SHARE,
            pl.format("a teal rectangle takes {} of the picture", "marker_share"),
        ),
    }


def _with_levels(images: pl.DataFrame) -> pl.DataFrame:
    """Return the mean and standard deviation of each thumbnail, in gray levels with one decimal."""
    small = unpack(images["thumbnail"]).astype(np.int64).reshape(images.height, SIDE * SIDE)
    count = small.shape[1]
    total, squares = small.sum(axis=1), (small**2).sum(axis=1)
    spread = np.sqrt((count * squares - total**2) / count**2)
    return images.with_columns(
        level=pl.Series((total / count).round(1), dtype=pl.Float64),
        spread=pl.Series(spread.round(1), dtype=pl.Float64),
    )


def near_findings(near: pl.DataFrame, images: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the table ``disagreements``: one per image of each near-duplicate pair."""
    pairs = near.select("sample_id", "other_id")
    both = pl.concat([pairs, pairs.select(sample_id="other_id", other_id="sample_id")])
    known = both.join(images.select("sample_id"), on="sample_id", how="semi")
    found = without_box(known).with_columns(
        kind=pl.lit("near_duplicate"), label=pl.lit(""), detail=pl.format("shows the same as {}", "other_id")
    )
    return make_findings(found.drop("other_id"), images, samples, {"near_duplicate": "info"}, {}, ACTION)
