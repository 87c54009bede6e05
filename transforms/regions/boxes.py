"""Compute overlap, clipping and released sizes of boxes, and convert boxes to the conventions of other tools.

A ``Box`` is half-open, in pixel edges, origin top-left (see ``transforms.records``). Every other convention has its
own type, so that its numbers cannot be mistaken for a ``Box``.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from medmultipoints.transforms.records import Box

NEAR_PX: Final = 2.0
"""Most pixels between the sides of boxes that count as the same."""


class CocoBox(NamedTuple):
    """Bounding box in COCO's convention: left and top edge, width, height, in pixels from 0."""

    x: float
    y: float
    width: float
    height: float


class YoloBox(NamedTuple):
    """Bounding box in YOLO's convention: centre, width, height, as fractions of the image's width and height."""

    cx: float
    cy: float
    width: float
    height: float


class MotBox(NamedTuple):
    """Bounding box in the MOT challenge's convention: left and top pixel counted from 1, width, height."""

    left: float
    top: float
    width: float
    height: float


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, in [0, 1]; 0 if they only touch or either has no area."""
    shared = _shared_area(a, b)
    return shared / (a.area + b.area - shared) if shared else 0.0


def _shared_area(a: Box, b: Box) -> float:
    width, height = min(a.x2, b.x2) - max(a.x1, b.x1), min(a.y2, b.y2) - max(a.y1, b.y1)
    return width * height if width > 0 and height > 0 else 0.0


def reaches_border(box: Box, width: float, height: float) -> bool:
    """Return whether a box touches or passes the border of a ``width`` x ``height`` image."""
    return box.x1 <= 0 or box.y1 <= 0 or box.x2 >= width or box.y2 >= height


def clip_box(box: Box, width: float, height: float) -> Box | None:
    """Return the part of the box inside a ``width`` x ``height`` image, or None if all of it is outside."""
    clipped = Box(max(0.0, box.x1), max(0.0, box.y1), min(box.x2, width), min(box.y2, height))
    return clipped if clipped.x1 < clipped.x2 and clipped.y1 < clipped.y2 else None


def to_coco(box: Box) -> CocoBox:
    """Return the box in COCO's convention."""
    return CocoBox(box.x1, box.y1, box.width, box.height)


def to_yolo(box: Box, width: float, height: float) -> YoloBox:
    """Return the box in YOLO's convention, for an image of ``width`` x ``height`` pixels."""
    centre = box.centre
    return YoloBox(centre.x / width, centre.y / height, box.width / width, box.height / height)


def to_mot(box: Box) -> MotBox:
    """Return the box in the MOT convention: the single pixel at (0, 0) is ``(1, 1, 1, 1)``."""
    return MotBox(box.x1 + 1, box.y1 + 1, box.width, box.height)


def published_scale(width: int, height: int, max_side: int | None) -> float:
    """Return the scale of the published resize: ``min(1, max_side / max(width, height))``; 1 without a ``max_side``."""
    return 1.0 if max_side is None else min(1.0, max_side / max(width, height))


def released_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Return width and height of the released image: size x ``published_scale``, rounded down, at least 1.

    Computed in integers so that the longer side is exactly ``max_side``: in floats, ``w * (700 / w)`` is
    699.9999999999999 for some w. 1348 x 1070 gives 700 x 555, as in the published dataset.
    """
    longer = max(width, height)
    if max_side is None or longer <= max_side:
        return width, height
    return max(width * max_side // longer, 1), max(height * max_side // longer, 1)


def join_boxes(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around all boxes."""
    return Box(
        min(box.x1 for box in boxes),
        min(box.y1 for box in boxes),
        max(box.x2 for box in boxes),
        max(box.y2 for box in boxes),
    )


def lies_in(inner: Box, outer: Box, share: float) -> bool:
    """Return whether at least this share of a box's area lies in another box."""
    shared = _shared_area(inner, outer)
    return shared > 0 and shared >= share * inner.area


def are_near(one: Sequence[float], other: Sequence[float], most_px: float = NEAR_PX) -> bool:
    """Return whether each side of a box is at most ``most_px`` from that of the other."""
    return all(abs(side - there) <= most_px for side, there in zip(one, other, strict=True))
