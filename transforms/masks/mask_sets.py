"""Compute the union and the overlap of masks of one frame."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import decode_rle

Mask = NDArray[np.bool_]


def union_of(rles: Iterable[str], width: int, height: int) -> Mask:
    """Return the union of COCO compressed run-length codes in a frame of width x height."""
    union = np.zeros((height, width), np.bool_)
    for rle in rles:
        union |= decode_rle(rle, height, width)
    return union


def dice(one: Mask, other: Mask) -> float:
    """Return the Dice coefficient of two masks, in [0, 1]; 1 if both are empty."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def iou(one: Mask, other: Mask) -> float:
    """Return the intersection over union of two masks, in [0, 1]; 1 if both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
