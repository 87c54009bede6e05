"""Redact regions of a picture with black.

Black is visible as a redaction; a mean colour leaves a patch, inpainting invents tissue. Pixels outside the regions
do not change, since the result is stored without loss.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import decode_rle

Box = Sequence[int]
Pixels = NDArray[np.uint8]


def fill_boxes(pixels: Pixels, boxes: Iterable[Box]) -> Pixels:
    """Return a copy of a picture in which the boxes (x1, y1, x2, y2; half-open) are black."""
    filled = pixels.copy()
    for x1, y1, x2, y2 in boxes:
        filled[y1:y2, x1:x2] = 0
    return filled


def touched_objects(boxes: Sequence[Box], regions: Iterable[Mapping[str, Any]], scale: float) -> list[str]:
    """Return the region_ids of the objects that any of the boxes would cover, by mask if there is one, else by box.

    ``boxes`` are in the released picture, ``regions`` in the original one: released = original x ``scale``.
    """
    return [region["region_id"] for region in regions if any(_touches(box, region, scale) for box in boxes)]


def _touches(box: Box, region: Mapping[str, Any], scale: float) -> bool:
    x1, y1 = (int(np.floor(edge / scale)) for edge in box[:2])
    x2, y2 = (int(np.ceil(edge / scale)) for edge in box[2:])
    if region["rle"] is None:
        return bool(region["x1"] < x2 and region["x2"] > x1 and region["y1"] < y2 and region["y2"] > y1)
    mask = decode_rle(region["rle"], region["image_height"], region["image_width"])
    return bool(mask[y1:y2, x1:x2].any())
