"""Compare the objects of two releases: lost, gained, moved and how far, relabelled."""

from statistics import median
from typing import Final

import polars as pl

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.diff.changes import Change, change, ranked, turned
from medmultipoints.transforms.diff.object_pairs import in_source_pixels, pair_objects
from medmultipoints.transforms.records import SIDES

UNSEEN_PX: Final = 0.01
"""Largest move of a side, in pixels, that resizing alone explains."""
MEASURED: Final = column_names("objects", "measured")
SCALED: Final = column_names("objects", "position")
NAMING: Final = column_names("objects", "name")


def object_changes(
    old: pl.DataFrame, new: pl.DataFrame, images: tuple[pl.DataFrame, pl.DataFrame], shown: int
) -> tuple[list[Change], pl.Series]:
    """Return all changes of objects, and the ids of their records.

    ``images`` are the image tables of both releases, for their scales.
    """
    before, after = (in_source_pixels(frame, pictures) for frame, pictures in zip((old, new), images, strict=True))
    paired = pair_objects(before, after)
    same, relabelled = (_join_pairs(before, after, pairs) for pairs in (paired.same, paired.relabelled))
    lost, gained = before.join(paired.lost, on="row", how="semi"), after.join(paired.gained, on="row", how="semi")
    far = same.filter(pl.col("far") > pl.when("resized").then(UNSEEN_PX).otherwise(0.0))
    moved = far.sort(["far", "object_id|new"], descending=[True, False])
    other = same.filter(_differ(same, MEASURED)).join(moved, on="new", how="anti", maintain_order="left")
    counted = pl.concat([lost["record_id"], gained["record_id"], relabelled["record_id"], relabelled["record_id|new"]])
    elsewhere = pl.col("index") != pl.col("index|new")  # where objects are lost or gained, indices must change
    reordered = same.filter(elsewhere, ~pl.col("record_id|new").is_in(counted.implode()))
    found = [
        change("objects_lost", lost.select(*_about(), before="box"), shown),
        change("objects_gained", gained.select(*_about(), after="box"), shown),
        change("objects_relabelled", _named(relabelled, turned("label", "label|new")), shown),
        _boxes(moved, shown),
        change("points_changed", _named(other, pl.lit("")), shown),
        change("objects_reordered", _named(reordered, turned("index", "index|new")), shown),
        change("objects_described", _described(same), shown),
    ]
    touched = pl.concat([counted, *(frame["record_id|new"] for frame in (moved, other, reordered))])
    return found, touched.unique().sort()


def _about() -> list[pl.Expr]:
    return [pl.col("object_id").alias("id"), pl.col("image_sha256"), pl.col("label")]


def _join_pairs(old: pl.DataFrame, new: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the old and new values of each pair; new values are in the columns ``name|new``."""
    later = new.rename({name: f"{name}|new" for name in new.columns})
    joined = pairs.join(old, left_on="old", right_on="row").join(later, left_on="new", right_on="row|new")
    sides = [(pl.col("box").list.get(i) - pl.col("box|new").list.get(i)).abs() for i in range(len(SIDES))]
    resized = pl.col("scale").ne_missing(pl.col("scale|new"))
    return joined.with_columns(far=pl.max_horizontal(sides), resized=resized)


def _named(pairs: pl.DataFrame, said: pl.Expr) -> pl.DataFrame:
    """Return the pairs as rows of examples, with the boxes before and after."""
    return pairs.select(
        pl.col("object_id|new").alias("id"),
        said.alias("said"),
        pl.col("image_sha256|new").alias("image_sha256"),
        pl.col("label|new").alias("label"),
        pl.col("box").alias("before"),
        pl.col("box|new").alias("after"),
    )


def _boxes(moved: pl.DataFrame, shown: int) -> Change:
    far = moved["far"].to_list()
    spread = (median(far), max(far)) if far else None
    return ranked("boxes_changed", _named(moved, pl.format("{} px", pl.col("far").round(2))), shown, how_far=spread)


def _differ(pairs: pl.DataFrame, names: tuple[str, ...]) -> pl.Expr:
    """Return whether any of the columns differs, except for differences that follow from resizing the image."""
    alike = [name for name in names if name in pairs.columns and f"{name}|new" in pairs.columns]
    alike = [name for name in alike if pairs.schema[name] == pairs.schema[f"{name}|new"]]
    found = [
        pl.col(name).ne_missing(pl.col(f"{name}|new")) & ~(pl.col("resized") & pl.lit(name in SCALED)) for name in alike
    ]
    return pl.any_horizontal(pl.lit(False), *found)


def _described(same: pl.DataFrame) -> pl.DataFrame:
    known = {*MEASURED, *NAMING, "box", "place", "scale", "far", "resized", "old", "new"}
    others = tuple(name for name in same.columns if not name.endswith("|new") and name not in known)
    return _named(same.filter(_differ(same, others)), pl.lit(""))
