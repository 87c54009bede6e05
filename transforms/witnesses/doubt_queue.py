"""Order doubts for a reviewer: one row per object, and labels that a model never finds last."""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou

SAME_PLACE: Final = 0.5
"""Least IoU of boxes that several models predict for one missing object."""
Row = dict[str, Any]
_JUDGED: Final = ("model_sha256", "label", "image_sha256")


def doubts_to_review(doubts: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each doubted object of the table ``doubts``, that of the greatest doubt, in review order.

    The order is by the mean doubt of all models that judged the object, including those that agree with its label.
    Rows of a model about a label come last if its median agreement with that label is 0: it does not know the label.
    """
    blind = (
        doubts.filter(pl.col("object_ids").list.len() > 0)
        .unique(_JUDGED)
        .group_by(_JUDGED[:2])
        .agg(pl.col("agreement").median())
        .filter(agreement=0)
    )
    about = ("sample_id", "object_ids")
    means = doubts.group_by(about).agg(mean_doubt=pl.col("doubt").mean())
    ranked = (
        doubts.filter(pl.col("kind") != "agrees")
        .join(means, on=about)
        .with_columns(
            mean_doubt=pl.when(pl.col("object_ids").list.len() > 0).then("mean_doubt").otherwise("doubt"),
            blind=pl.struct(_JUDGED[:2]).is_in(blind.select(pl.struct(_JUDGED[:2])).to_series().implode()),
        )
        .sort("blind", "mean_doubt", "place", descending=[False, True, False])
    )
    chosen = [*_first_of_each(ranked.sort("blind", "place").select(*about, "label", "derived_box", "doubt_id"))]
    return ranked.filter(pl.col("doubt_id").is_in(chosen)).drop("mean_doubt", "blind")


def _first_of_each(rows: pl.DataFrame) -> Iterator[str]:
    """Yield the id of the first row of each labelled object, and of each place where one is missing."""
    seen: set[tuple[str, ...]] = set()
    missing: dict[tuple[str, str], list[Box]] = {}
    for row in rows.iter_rows(named=True):
        if row["object_ids"]:
            key = row["sample_id"], *row["object_ids"]
            if key not in seen:
                seen.add(key)
                yield row["doubt_id"]
            continue
        box, known = Box(*row["derived_box"]), missing.setdefault((row["sample_id"], row["label"]), [])
        if all(iou(box, other) < SAME_PLACE for other in known):
            known.append(box)
            yield row["doubt_id"]
