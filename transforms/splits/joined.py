"""Describe examinations, frames and days in a leakage certificate: each join by kind and difference only.

The section contains no dates or times. Unreadable texts are counted: a picture without a proved day or join was
compared by appearance alone.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

PROOFS = ("same_start", "same_scene", "same_frame")
KINDS = (*PROOFS, "same_day")
STATES = ("read", "cut", "unclear", "none", "unread")

Section = dict[str, Any]


def describe_joins(images: pl.DataFrame, joins: pl.DataFrame, text: Mapping[str, int]) -> Section:
    """Return the section about pictures in their splits.

    ``images``: sample_id, split, group_id; ``joins``: rows of that table, only those of released pictures count;
    ``text``: number of pictures by state of their text (``count_states``).
    """
    placed = place_joins(images, joins)
    by_kind = {kind: placed.filter(pl.col("kind") == kind) for kind in KINDS}
    proved = [
        {"kind": row["kind"], "sample_id": row["sample_id"], "other_id": row["other_id"], "evidence": _evidence(row)}
        for row in placed.filter(pl.col("kind") != "same_day").iter_rows(named=True)
    ]
    return {
        "pairs": {kind: count_pairs(own) for kind, own in by_kind.items()},
        "in_one_group": count_pairs(placed.filter(pl.col("group_id") == pl.col("other_group"))),
        "across_splits": {kind: count_pairs(own.filter(pl.col("apart"))) for kind, own in by_kind.items()},
        "joins": proved,
        "digest": joins_digest(joins),
        "text": dict(text),
        "on_looks_alone": _alone(images, placed),
    }


def place_joins(images: pl.DataFrame, joins: pl.DataFrame) -> pl.DataFrame:
    """Return the joins between two of the pictures, with split and group of both, sorted."""
    facts = images.select("sample_id", "split", "group_id")
    other = facts.select(other_id="sample_id", other_split="split", other_group="group_id")
    placed = joins.join(facts, on="sample_id").join(other, on="other_id")
    return placed.with_columns(apart=pl.col("split") != pl.col("other_split")).sort("pair_id", "split", "other_split")


def count_states(images: pl.LazyFrame, readings: pl.DataFrame) -> dict[str, int]:
    """Return the number of pictures by state of their text; one frame is read per video."""
    own = readings.lazy().join(images.select("sample_id"), on="sample_id", how="semi").collect(engine="streaming")
    counted = dict(own.group_by("state").len().iter_rows())
    return {state: int(counted.get(state, 0)) for state in STATES}


def joins_digest(joins: pl.DataFrame) -> str:
    """Return the sha256 of the joins as canonical JSON, which ties the certificate to the table."""
    rows = joins.sort("pair_id").to_dicts()
    return hashlib.sha256(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _evidence(row: Mapping[str, Any]) -> str:
    if row["kind"] == "same_start":
        return f"same day, starts {row['apart_s']} s apart"
    if row["kind"] == "same_scene":
        return f"inliers {row['inliers']}"
    return f"one frame, shifted by ({row['dx']}, {row['dy']}) px, correlation {row['correlation']}"


def count_pairs(pairs: pl.DataFrame) -> int:
    """Return the number of distinct pairs, however many splits their images are in."""
    return pairs.select("sample_id", "other_id").n_unique()


def _alone(images: pl.DataFrame, placed: pl.DataFrame) -> int:
    """Return the number of still pictures without any join."""
    joined = pl.concat([placed["sample_id"], placed["other_id"]]).unique()
    stills = images.filter(pl.col("video_id").is_null()) if "video_id" in images.columns else images
    return stills.filter(~pl.col("sample_id").is_in(joined.implode())).select("sample_id").n_unique()
