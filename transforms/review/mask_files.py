"""Read and write mask files of corrections, ``NAME.rle.json``: one COCO RLE per object, one per line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.review.region_edits import mask_sides

MOST_PX: Final = 2**28
"""Largest number of pixels (width x height) of a picture whose masks are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masks:
    """Masks of pictures of one size, in pixels of the original picture."""

    width: int
    height: int
    rles: tuple[str, ...]


def mask_text(masks: Masks) -> str:
    """Return the content of a mask file; equal masks give equal text."""
    rows = ",\n".join(f"    {json.dumps(rle)}" for rle in masks.rles)
    return f'{{\n  "width": {masks.width},\n  "height": {masks.height},\n  "masks": [\n{rows}\n  ]\n}}\n'


def parse_masks(data: bytes) -> Masks:
    """Return the masks of a file; raise ValueError if it is malformed, or a mask is empty or of another size."""
    try:
        held = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not valid JSON: {error}") from error
    if not isinstance(held, dict) or set(held) != {"width", "height", "masks"}:
        raise ValueError("must have the keys width, height and masks")
    width, height, rles = held["width"], held["height"], held["masks"]
    if not _is_size(width, height):
        raise ValueError("width and height must be whole numbers of pixels")
    if not isinstance(rles, list) or not rles or not all(isinstance(rle, str) for rle in rles):
        raise ValueError("masks must be a list of run-length codes")
    for number, rle in enumerate(rles, 1):
        try:
            mask_sides(decode_rle(rle, height, width))
        except ValueError as error:
            raise ValueError(f"mask {number}: {error}") from error
    return Masks(width=width, height=height, rles=tuple(rles))


def mask_boxes(masks: Masks) -> list[list[int]]:
    """Return the half-open box of each mask."""
    return [[*map(int, mask_sides(decode_rle(rle, masks.height, masks.width)))] for rle in masks.rles]


def _is_size(*sides: object) -> bool:
    numbers: Sequence[int] = [side for side in sides if isinstance(side, int) and side > 0]
    return len(numbers) == len(sides) and numbers[0] * numbers[1] <= MOST_PX
