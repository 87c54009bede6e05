"""Measure the agreement of models with labels, and summarise it by label, source and size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice, union_of

SIZES: Final = ((0.01, "below 1 %"), (0.05, "1 to 5 %"), (1.01, "above 5 %"))
"""Size classes of the labelled area, as upper limits of its share of the picture."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The Dice of all pixels of a label in a picture, and the labelled share of the picture."""

    dice: float
    share: float


def agreement_of(row: Mapping[str, Any], label: str, size: tuple[int, int], rles: Sequence[str]) -> Agreement:
    """Return the agreement of a row of ``predictions`` with masks of a label; ``size``: width and height of both."""
    own = union_of(rles, *size)
    named = (rle for rle, name in zip(row["rles"], row["labels"], strict=True) if name == label)
    seen = in_size(union_of(named, row["width"], row["height"]), size)
    return Agreement(round(dice(own, seen), 4), round(float(own.mean()), 6))


def in_size(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return a mask resized to another frame; each pixel takes the value at its centre."""
    if mask.shape == (size[1], size[0]):
        return mask
    grown = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(grown, np.uint8).view(np.bool_)


def summarise(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> dict[str, Any]:
    """Return number of pictures, mean and median Dice of all rows and per value of each key (``size`` is binned)."""
    return {"all": _statistics(rows)} | {
        key: {name: _statistics([row for row in rows if _value(row, key) == name]) for name in _values(rows, key)}
        for key in keys
    }


def _values(rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    if key == "size":
        return [name for _, name in SIZES if any(_value(row, key) == name for row in rows)]
    return sorted({_value(row, key) for row in rows})


def _value(row: Mapping[str, Any], key: str) -> str:
    if key != "size":
        return str(row[key])
    return next(name for limit, name in SIZES if row["share"] < limit)


def _statistics(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    dices = [row["dice"] for row in rows]
    return {
        "judgements": len(dices),
        "mean_dice": round(float(np.mean(dices)), 4) if dices else None,
        "median_dice": round(float(np.median(dices)), 4) if dices else None,
    }
