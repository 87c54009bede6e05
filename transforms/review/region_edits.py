"""Join and cut objects; each pixel stays in exactly one part."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.pictures.components import lit_part
from medmultipoints.transforms.records import Box, Point

MaskArray = NDArray[np.bool_]


def mask_sides(mask: MaskArray) -> Box:
    """Return the half-open box of a mask; raise ValueError if it is empty."""
    rows, columns = lit_part(mask)
    if not rows.stop:
        raise ValueError("a mask is empty")
    return Box(float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))


def mask_code(mask: MaskArray) -> str:
    """Return the RLE of a mask of the whole picture; raise ValueError if it is empty."""
    x1, y1, x2, y2 = map(int, mask_sides(mask))
    return encode_rle(mask[y1:y2, x1:x2].view(np.uint8), x1, y1, mask.shape[1], mask.shape[0])


def join_masks(masks: Sequence[MaskArray]) -> MaskArray:
    """Return the union of the masks."""
    joined: MaskArray = np.logical_or.reduce(masks)
    return joined


def cut_mask(mask: MaskArray, start: Point, end: Point) -> tuple[MaskArray, MaskArray]:
    """Return the parts on both sides of the line through two points; pixel centres on the line go to the second part.

    Raise ValueError if one part is empty.
    """
    rows, columns = np.indices(mask.shape)
    side = (end.x - start.x) * (rows + 0.5 - start.y) - (end.y - start.y) * (columns + 0.5 - start.x) < 0
    first, second = mask & side, mask & ~side
    if not first.any() or not second.any():
        raise ValueError("the line does not cut the object: all of it lies on one side")
    return first, second


def cut_box(box: Box, start: Point, end: Point) -> tuple[Box, Box]:
    """Return the two parts of a box, cut horizontally or vertically (nearest the line's direction) at the crossing.

    Raise ValueError if the cut is not inside the box.
    """
    if abs(end.y - start.y) >= abs(end.x - start.x):
        at = float(round((start.x + end.x) / 2))
        parts = Box(box.x1, box.y1, at, box.y2), Box(at, box.y1, box.x2, box.y2)
        inside = box.x1 < at < box.x2
    else:
        at = float(round((start.y + end.y) / 2))
        parts = Box(box.x1, box.y1, box.x2, at), Box(box.x1, at, box.x2, box.y2)
        inside = box.y1 < at < box.y2
    if not inside:
        raise ValueError("the line does not cut the box")
    return parts
