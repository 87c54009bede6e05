"""Find annotations that pass the edge of their picture by more than rounding: a wrong number, scale or picture."""

import polars as pl

from medmultipoints.transforms.audit.findings import KEYS, make_findings
from medmultipoints.transforms.records import SIDES

MOST_PAST_PX = 2.0
"""Pixels by which rounding and conventions may carry a stated box past the edge; a box further out is reported."""
SEVERITIES = {"beyond_frame": "warning"}
ACTION = "the part inside the picture is kept"
STATED = [f"stated_{side}" for side in SIDES]


def find_beyond_frame(
    images: pl.DataFrame, samples: pl.DataFrame, regions: pl.DataFrame, annotations: pl.LazyFrame
) -> pl.DataFrame:
    """Return a finding for each box or outline that passes an edge of its picture by more than ``MOST_PAST_PX``."""
    sizes = images.select("sample_id", "original_width", "original_height")
    stated = annotations.filter(pl.col("evidence") != "mask").join(sizes.lazy(), on="sample_id")
    past = pl.max_horizontal(
        *(-pl.col(side) for side in STATED[:2]),
        pl.col("stated_x2") - pl.col("original_width"),
        pl.col("stated_y2") - pl.col("original_height"),
    )
    sides = stated.select("sample_id", "key", "original_width", "original_height", *_stated_sides())
    beyond = sides.with_columns(past=past).filter(pl.col("past") > MOST_PAST_PX)
    boxes = regions.filter(pl.col("evidence").is_in(["box", "polygon"]))
    held = boxes.select("sample_id", "label", "evidence", *SIDES, key="object_key")
    pairs = held.join(beyond.collect(engine="streaming"), on=["sample_id", "key"])
    share = _area(SIDES) / _area(STATED)
    first = pairs.with_columns(share=share).sort("evidence").unique(["sample_id", "key"], keep="first")
    numbers = pl.concat_list(pl.col(name).round(1).cast(pl.String) for name in STATED).list.join(", ")
    percent = (100 * pl.col("share")).round(1)
    size = pl.format("{}x{}", "original_width", "original_height")
    words = "{}: the box {} passes the edge of the {} px picture by {} px; {} % of its area is kept"
    text = pl.format(words, "key", numbers, size, pl.col("past").round(1), percent)
    found = first.with_columns(kind=pl.lit("beyond_frame"), source_box=pl.concat_list(SIDES), detail=text)
    return make_findings(found.select(KEYS), images, samples, SEVERITIES, {}, ACTION)


def _stated_sides() -> list[pl.Expr]:
    """Return the sides of the stated box, else those of the outlines."""
    points = pl.col("polygons")
    sides = []
    for side, start, edge in (("x1", 0, "min"), ("y1", 1, "min"), ("x2", 0, "max"), ("y2", 1, "max")):
        numbers = pl.element().list.gather_every(2, start)
        each = points.list.eval(numbers.list.min() if edge == "min" else numbers.list.max())
        sides.append(pl.coalesce(side, each.list.min() if edge == "min" else each.list.max()).alias(f"stated_{side}"))
    return sides


def _area(sides: list[str] | tuple[str, ...]) -> pl.Expr:
    x1, y1, x2, y2 = (pl.col(side) for side in sides)
    return (x2 - x1) * (y2 - y1)
