"""Measure brightness and roughness of a release's objects again in its pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import box_of_rle
from medmultipoints.transforms.pictures.tones import tone_of_rle
from medmultipoints.transforms.rasters.source_pictures import UNCHANGED
from medmultipoints.transforms.records import SIDES, TONE_COLUMNS, Tone

ObjectTone = Mapping[str, Any]
"""The mask, the box and the stated tone of an object; ``measurable``: its picture is the one that was measured."""


def stated_tones(objects: pl.DataFrame, images: pl.DataFrame) -> Mapping[str, Sequence[ObjectTone]]:
    """Return by image what to measure again: masks in unchanged source pictures, and every stated tone.

    Masks of reviewers need no tone: releases of earlier versions do not have it.
    """
    own = UNCHANGED & pl.col("rle").is_not_null()
    stated = pl.any_horizontal(pl.col(name).is_not_null() for name in TONE_COLUMNS)
    held = objects.join(images.select("sample_id", "scale", "image_origin"), on="sample_id")
    held = held.filter((own & (pl.col("evidence") != "correction")) | stated)
    columns = held.select("object_id", "sample_id", "rle", *SIDES, own.alias("measurable"), *TONE_COLUMNS)
    return columns.rows_by_key("sample_id", named=True)


def check_tones(pixels: NDArray[np.uint8] | None, stated: Sequence[ObjectTone]) -> Iterator[str]:
    """Yield a sentence for every object of a picture whose stated tone differs from the measured one.

    ``pixels``: height x width x 3, RGB; required if an object can be measured.
    """
    for row in stated:
        own = tuple(row[name] for name in TONE_COLUMNS)
        try:
            tone = _measure(pixels, row) if pixels is not None and row["measurable"] else None
        except ValueError as error:
            yield f"{row['object_id']}: rle: {error}"
            continue
        if own != (astuple(tone) if tone else (None,) * len(TONE_COLUMNS)):
            yield f"{row['object_id']}: {', '.join(TONE_COLUMNS)} are {own}, its picture gives {tone and astuple(tone)}"


def _measure(pixels: NDArray[np.uint8], row: ObjectTone) -> Tone | None:
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box_of_rle(row["rle"], height, width)
    if x1 <= row["x1"] - 1 or y1 <= row["y1"] - 1 or x2 >= row["x2"] + 1 or y2 >= row["y2"] + 1:
        raise ValueError(f"the object passes the box {tuple(row[name] for name in SIDES)}")
    return tone_of_rle(pixels, row["rle"])
