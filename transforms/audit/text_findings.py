"""Find text and metadata that may identify a person, and frames that occur twice in the data.

A finding never repeats the value: it names the kind and the places in the picture, never a date or a name.
"""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.audit.findings import FINDINGS, make_findings, without_box
from medmultipoints.transforms.examinations.same_frame import shared_area
from medmultipoints.transforms.masks.mask_sets import union_of

SHOWN = {
    "date": "shows_date", "clock": "shows_clock", "name": "shows_name", "number": "shows_number",
    "other": "shows_text",
}  # fmt: skip
SEVERITIES = dict.fromkeys((*SHOWN.values(), "carries_metadata", "same_frame"), "info") | {
    "shows_name": "warning",
    "shows_number": "warning",
    "carries_gps": "warning",
    "contradicting_copies": "warning",
}
DONE = {
    "report": "nothing was done: the privacy policy is to report",
    "redact": "filled in the released picture, or removed from its file",
    "quarantine": "the picture is in the quarantine",
    "refuse": "no release may hold it",
}
"""What was done, by action of the privacy policy."""
ACTIONS = {
    "same_frame": "one group, never in different splits; a dropped picture is in the quarantine",
    "contradicting_copies": "both stay, in one group: never in different splits",
}
SAME_FRAME = ("same_frame", "contradicting_copies")
SAID_OTHER = re.compile(r"one frame with (.+), cut or uncut")
"""Pattern of the other picture in the detail of such a finding."""
AGREEING_IOU = 0.75
"""Least IoU of two masks of one frame; below it, or with another number of objects, they contradict each other.

Real frames that were annotated twice agree at 0.92 in the median and at 0.63 in the worst case.
"""


def find_in_text(
    images: pl.DataFrame, samples: pl.DataFrame, places: pl.DataFrame, policy: Mapping[str, str]
) -> pl.DataFrame:
    """Return the findings about text in pictures and metadata of their files: one per picture and kind.

    ``policy`` maps the kind of a place to the recipe's action, a key of ``DONE``.
    """
    done = {kind: DONE[action] for kind, action in policy.items()}
    places = places.with_columns(action=pl.col("kind").replace_strict(done, return_dtype=pl.String))
    actions = pl.col("action").unique().sort().str.join("; ")
    shown = places.filter(pl.col("reader") != "metadata").with_columns(
        kind=pl.col("kind").replace_strict(SHOWN, default="shows_text", return_dtype=pl.String)
    )
    lines = shown.group_by("sample_id", "kind").agg(
        detail=pl.format("lines of the picture: {}", pl.len()), action=actions, places=pl.col("box").sort_by("place_id")
    )
    carried = places.filter(pl.col("reader") == "metadata").with_columns(
        kind=pl.when(pl.col("kind") == "gps").then(pl.lit("carries_gps")).otherwise(pl.lit("carries_metadata"))
    )
    names = pl.col("found").unique().sort().str.join(", ")
    parts = carried.group_by("sample_id", "kind").agg(detail=pl.format("in the file: {}", names), action=actions)
    found = pl.concat([lines, parts], how="diagonal").with_columns(label=pl.lit(""))
    made = number_findings(found.drop("action", "places"), images, samples).drop("action", "places")
    own = found.select("sample_id", "kind", "action", "places")
    known = made.join(own, on=("sample_id", "kind"), how="left")
    return known.select([*FINDINGS]).sort("finding_id")


def compare_frames(regions: pl.DataFrame, joins: pl.DataFrame) -> pl.DataFrame:
    """Return rows (``KEYS`` and ``iou``, which compares the masks) about frames that occur twice in the data."""
    rows = []
    for join in joins.filter(pl.col("kind") == "same_frame").sort("pair_id").iter_rows(named=True):
        pair = join["sample_id"], join["other_id"]
        own, others = (regions.filter((pl.col("sample_id") == one) & (pl.col("evidence") == "mask")) for one in pair)
        for label in sorted({*own["label"], *others["label"]} or {""}):
            masks = [part.filter(pl.col("label") == label) for part in (own, others)]
            iou = compare_masks(masks[0], masks[1], join["dx"], join["dy"])
            counts = [part.height for part in masks]
            differs = iou is not None and (iou < AGREEING_IOU or counts[0] != counts[1])
            kind = "contradicting_copies" if differs else "same_frame"
            text = f"; objects {counts[0]} and {counts[1]}" if differs else ""
            rows += [
                (one, kind, label, f"one frame with {two}, cut or uncut{text}", iou) for one, two in (pair, pair[::-1])
            ]
    schema = {"sample_id": pl.String, "kind": pl.String, "label": pl.String, "detail": pl.String, "iou": pl.Float64}
    return without_box(pl.DataFrame(rows, schema=schema, orient="row"))


def compare_masks(one: pl.DataFrame, two: pl.DataFrame, dx: int, dy: int) -> float | None:
    """Return the IoU of two sets of masks within the area that both pictures show; None if either set is empty."""
    if one.is_empty() or two.is_empty():
        return None
    first, second = _union(one), _union(two)
    own, others = shared_area(first.shape, second.shape, dx, dy)
    left, right = first[own], second[others]
    union = int((left | right).sum())
    return round(int((left & right).sum()) / union, 4) if union else None


def _union(regions: pl.DataFrame) -> NDArray[np.bool_]:
    return union_of(regions["rle"], regions["image_width"][0], regions["image_height"][0])


def number_findings(found: pl.DataFrame, images: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the table ``disagreements`` about ``images``; contradictions of frames get ids of their own."""
    own = without_box(found).join(images.select("sample_id"), on="sample_id", how="semi")
    made = make_findings(own, images, samples, SEVERITIES, ACTIONS, "")
    apart = pl.col("finding_id").str.replace(":contradicting_copies:", ":contradicting_copies:frame-", literal=True)
    return made.with_columns(finding_id=apart)
