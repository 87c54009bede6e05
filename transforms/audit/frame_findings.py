"""Find annotations of which less than half lies in their picture: another scale, or another picture, is likely."""

import polars as pl

from medmultipoints.transforms.audit.findings import KEYS, make_findings
from medmultipoints.transforms.records import SIDES

LEAST_INSIDE = 0.5
"""Share of a stated box inside its picture below which it is reported."""
SEVERITIES = {"beyond_frame": "warning"}
ACTION = "the part inside the picture is kept"
STATED = [f"stated_{side}" for side in SIDES]


def find_beyond_frame(
    images: pl.DataFrame, samples: pl.DataFrame, regions: pl.DataFrame, annotations: pl.LazyFrame
) -> pl.DataFrame:
    """Return a finding for each box or outline that its picture's frame cuts to less than half of its area."""
    sizes = images.select("sample_id", "original_width", "original_height")
    stated = annotations.filter(pl.col("evidence") != "mask").join(sizes.lazy(), on="sample_id")
    beyond = stated.select("sample_id", "key", "original_width", "original_height", *_stated_sides()).filter(
        pl.any_horizontal(pl.col(STATED[:2]) < 0)
        | (pl.col("stated_x2") > pl.col("original_width"))
        | (pl.col("stated_y2") > pl.col("original_height"))
    )
    boxes = regions.filter(pl.col("evidence").is_in(["box", "polygon"]))
    held = boxes.select("sample_id", "label", "evidence", *SIDES, key="object_key")
    pairs = held.join(beyond.collect(engine="streaming"), on=["sample_id", "key"])
    share = _area(SIDES) / _area(STATED)
    first = pairs.with_columns(share=share).sort("evidence").unique(["sample_id", "key"], keep="first")
    numbers = pl.concat_list(pl.col(name).round(1).cast(pl.String) for name in STATED).list.join(", ")
    percent = (100 * pl.col("share")).round(1)
    size = pl.format("{}x{}", "original_width", "original_height")
    text = pl.format("{}: the box {} is cut to {} % of its area by the {} px picture", "key", numbers, percent, size)
    found = first.filter(pl.col("share") < LEAST_INSIDE).with_columns(
        kind=pl.lit("beyond_frame"), source_box=pl.concat_list(SIDES), detail=text
    )
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
