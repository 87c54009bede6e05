"""Histograms and split shares for reports, as rows of names and numbers."""

from dataclasses import dataclass

import polars as pl

from medmultipoints.transforms.compose.stats import count_histogram, count_labels
from medmultipoints.transforms.splits.official import in_order


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``share`` is its length relative to the longest bar, 0 to 1."""

    name: str
    number: int
    share: float


def object_counts(records: pl.DataFrame) -> dict[str, list[Bar]]:
    """Return the histogram of objects per record for each label, in doubling bins: 0, 1, 2-3, 4-7, ..."""
    histogram = count_histogram(records)
    power = pl.col("count").clip(1).log(2).floor().cast(pl.Int64)
    low = pl.when(pl.col("count") == 0).then(0).otherwise(2**power).cast(pl.Int64)
    rows = histogram.group_by("label", low.alias("low")).agg(pl.col("records").sum())
    return _by_label(rows.rename({"records": "number"}))


def object_sizes(objects: pl.DataFrame) -> dict[str, list[Bar]]:
    """Return the histogram of object sizes for each label: square root of the box area, in released pixels."""
    side = ((pl.col("x2") - pl.col("x1")) * (pl.col("y2") - pl.col("y1"))).sqrt().clip(1)
    low = (2 ** side.log(2).floor().cast(pl.Int64)).cast(pl.Int64)
    return _by_label(objects.group_by("label", low.alias("low")).agg(number=pl.len().cast(pl.Int64)))


def image_sizes(images: pl.DataFrame, most: int = 10) -> list[Bar]:
    """Return the number of images by size, the most frequent first; the remaining sizes share one bar."""
    counted = images.group_by("width", "height").len("number").sort(["number", "width", "height"], descending=True)
    rows = [(f"{width} by {height}", int(number)) for width, height, number in counted.iter_rows()]
    others = sum(number for _, number in rows[most:])
    shown = rows[:most] + ([(f"{len(rows) - most} other sizes", others)] if others else [])
    return bars(shown)


def bars(rows: list[tuple[str, int]]) -> list[Bar]:
    """Return the rows as bars, scaled to the longest."""
    most = max([1, *(number for _, number in rows)])
    return [Bar(name, number, number / most) for name, number in rows]


def _by_label(rows: pl.DataFrame) -> dict[str, list[Bar]]:
    """Return the bins of each label, all from the lowest to the highest bin of any label, to be comparable."""
    if rows.is_empty():
        return {}
    numbers = {(label, low): number for label, low, number in rows.select("label", "low", "number").iter_rows()}
    least, most = min(low for _, low in numbers), max(low for _, low in numbers)
    lows = [low for low in (0, *(2**power for power in range(most.bit_length()))) if least <= low <= most]
    names = {low: str(low) if low < 2 else f"{low} to {2 * low - 1}" for low in lows}
    return {
        label: bars([(name, numbers.get((label, low), 0)) for low, name in names.items()])
        for label in sorted({label for label, _ in numbers})
    }


def split_shares(records: pl.DataFrame) -> tuple[list[str], list[dict[str, object]]]:
    """Return the splits, and the number and share of each label's images in each split."""
    counted = count_labels(records)
    splits = in_order(counted["split"])
    rows = []
    for (label,), own in sorted(counted.partition_by("label", as_dict=True).items()):
        images = dict(own.select("split", "images").iter_rows())
        total = sum(images.values())
        shares = [(split, images.get(split, 0), images.get(split, 0) / max(1, total)) for split in splits]
        rows.append({"label": label, "images": total, "objects": int(own["objects"].sum()), "shares": shares})
    return splits, rows
