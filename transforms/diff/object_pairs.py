"""Pair the objects of an older and a newer release by position, track and overlap, not by index."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.regions.matching import match_boxes

SAME_OBJECT: Final = 0.1
"""Least IoU at which two boxes of one image and label are of one object."""
SAME_PLACE: Final = 0.5
"""Least IoU at which two boxes of one image but different labels are of one relabelled object."""
PAIR = {"old": pl.UInt32, "new": pl.UInt32}


@dataclass(frozen=True, slots=True)
class Paired:
    """Row indices of paired objects: ``same`` and ``relabelled`` have the columns old and new, the others one."""

    same: pl.DataFrame
    relabelled: pl.DataFrame
    lost: pl.DataFrame
    gained: pl.DataFrame


def in_source_pixels(objects: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    """Return the objects in order, with ``place`` and ``box`` in pixels of the source's image, and its ``scale``.

    Boxes of a resized image are therefore comparable with those before.
    """
    scales = images.select("image_sha256", "scale").unique("image_sha256", keep="first")
    placed = objects.join(scales, on="image_sha256", how="left", maintain_order="left")
    sides = [(pl.col(side) / pl.col("scale").fill_null(1.0)) for side in SIDES]
    box = pl.concat_list(sides)
    place = pl.concat_str([side.round(2).cast(pl.String) for side in sides], separator=" ")
    return placed.with_columns(box=box, place=place).with_row_index("row")


def pair_objects(old: pl.DataFrame, new: pl.DataFrame) -> Paired:
    """Pair each object with its counterpart: by equal position, then by track, then by overlap.

    Both frames come from ``in_source_pixels``. Unpaired objects were relabelled, lost or gained.
    """
    same = pl.DataFrame(schema=PAIR)
    for keys in (("image_sha256", "label", "place"), ("image_sha256", "label", "track_id")):
        if keys[-1] in old.columns and keys[-1] in new.columns:
            same = pl.concat([same, _pair_equal_keys(*_left(old, new, same), keys)])
    same = pl.concat([same, _overlapping(*_left(old, new, same), ("image_sha256", "label"), SAME_OBJECT)])
    relabelled = _overlapping(*_left(old, new, same), ("image_sha256",), SAME_PLACE)
    lost, gained = _left(old, new, pl.concat([same, relabelled]))
    return Paired(same.sort(pl.all()), relabelled.sort(pl.all()), lost.select("row"), gained.select("row"))


def _left(old: pl.DataFrame, new: pl.DataFrame, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return (
        old.join(found, left_on="row", right_on="old", how="anti", maintain_order="left"),
        new.join(found, left_on="row", right_on="new", how="anti", maintain_order="left"),
    )


def _pair_equal_keys(old: pl.DataFrame, new: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Return pairs of rows with equal keys; repeated keys are paired in order."""
    counted = [
        frame.drop_nulls(keys).select("row", *keys, twin=pl.int_range(pl.len()).over(keys)) for frame in (old, new)
    ]
    found = counted[0].join(counted[1], on=[*keys, "twin"], suffix="|new")
    return found.select(old="row", new="row|new").cast(PAIR)  # type: ignore[arg-type]


def _overlapping(old: pl.DataFrame, new: pl.DataFrame, keys: tuple[str, ...], least: float) -> pl.DataFrame:
    mine, others = (_by(frame, keys) for frame in (old, new))
    rows = [pair for key, boxes in mine.items() for pair in _match(boxes, others.get(key, {}), least)]
    return pl.DataFrame(rows, schema=PAIR, orient="row")


def _match(old: dict[int, Box], new: dict[int, Box], least: float) -> Iterator[tuple[int, int]]:
    before, after = list(old), list(new)
    for i, j in match_boxes([*old.values()], [*new.values()], at_least=least) if new else ():
        yield before[i], after[j]


def _by(frame: pl.DataFrame, keys: tuple[str, ...]) -> dict[tuple[str, ...], dict[int, Box]]:
    found: dict[tuple[str, ...], dict[int, Box]] = {}
    for row, box, *key in frame.select("row", "box", *keys).iter_rows():
        found.setdefault(tuple(key), {})[row] = Box(*box)
    return found
