"""Find pictures that are too dark, blurred, uniform, oddly shaped or drawn over."""

import polars as pl

from medmultipoints.transforms.audit.findings import KEYS, make_findings, without_box

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
    images: pl.DataFrame, samples: pl.DataFrame, levels: pl.DataFrame, facts: pl.DataFrame, blurred: pl.DataFrame
) -> pl.DataFrame:
    """Return the findings about the pictures of ``images``; ``facts`` may lack pictures that were not measured.

    ``levels`` has mean and spread of gray levels, ``blurred`` the rows of ``find_blurred``. An even picture is not also
    reported as dark or blurred, nor a dark one as blurred.
    """
    seen = images.join(levels, on="sample_id", maintain_order="left")
    seen = seen.join(facts, on="sample_id", how="left", maintain_order="left")
    found = [
        seen.filter(rule).select("sample_id", kind=pl.lit(kind), label=pl.lit(""), detail=detail)
        for kind, (rule, detail) in _rules().items()
    ]
    rows = pl.concat([*(without_box(one).select(KEYS) for one in found), blurred.select(KEYS)])
    return make_findings(rows, images, samples, SEVERITIES, {}, KEPT)


def find_blurred(
    images: pl.LazyFrame, samples: pl.LazyFrame, levels: pl.LazyFrame, facts: pl.LazyFrame
) -> pl.DataFrame:
    """Return a row (``KEYS``) for each still picture of ``images`` that is blurred; see ``BLURRED_BELOW``."""
    measured = facts.select("sample_id", "sharpness").join(images.select("sample_id", "source"), on="sample_id")
    usual = pl.col("sharpness").median().over("source")
    soft = measured.filter(pl.col("sharpness") < pl.min_horizontal(pl.lit(BLURRED_BELOW), BLURRED_SHARE * usual))
    stills = samples.filter(pl.col("video_id").is_null()).select("sample_id")
    shown = levels.filter(pl.col("level") >= DARK_LEVEL, pl.col("spread") >= EVEN_LEVELS)
    found = soft.join(stills, on="sample_id", how="semi").join(shown, on="sample_id", how="semi")
    rows = found.collect(engine="streaming").with_columns(
        kind=pl.lit("blurred"), label=pl.lit(""), detail=pl.format("sharpness {}", "sharpness")
    )
    return without_box(rows).select(KEYS)


def _rules() -> dict[str, tuple[pl.Expr, pl.Expr]]:
    """Return the condition and the detail of each kind of finding."""
    even, dark = pl.col("spread") < EVEN_LEVELS, pl.col("level") < DARK_LEVEL
    aspect = pl.max_horizontal("original_width", "original_height") / pl.min_horizontal(
        "original_width", "original_height"
    )
    size = pl.format("{} x {} px", "original_width", "original_height")
    return {
        "near_uniform": (even, pl.format("gray levels vary by {}", pl.col("spread"))),
        "dark": (dark & ~even, pl.format("mean gray level {}", pl.col("level"))),
        "odd_aspect": (aspect > ODD_ASPECT, size),
        "overlay_text": (pl.col("glyphs") >= TEXT_GLYPHS, pl.format("{} letters in a line", "glyphs")),
        "position_marker": (
            pl.col("marker_share") >= MARKER_SHARE,
            pl.format("a teal rectangle takes {} of the picture", "marker_share"),
        ),
    }


def near_findings(near: pl.DataFrame, images: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the table ``disagreements``: one per image of each near-duplicate pair."""
    pairs = near.select("sample_id", "other_id")
    both = pl.concat([pairs, pairs.select(sample_id="other_id", other_id="sample_id")])
    known = both.join(images.select("sample_id"), on="sample_id", how="semi")
    found = without_box(known).with_columns(
        kind=pl.lit("near_duplicate"), label=pl.lit(""), detail=pl.format("shows the same as {}", "other_id")
    )
    return make_findings(found.drop("other_id"), images, samples, {"near_duplicate": "info"}, {}, ACTION)
