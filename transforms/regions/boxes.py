"""Overlap, clipping and released sizes of boxes, and the conventions of other tools.

A ``Box`` is half-open, in pixel edges, origin top-left (see ``transforms.records``). Numbers in another
convention have a type of their own here, so that they cannot be taken for a ``Box`` by accident.
"""

from typing import NamedTuple

from medmultipoints.transforms.records import Box


class CocoBox(NamedTuple):
    """COCO: left and top edge, width, height, in pixels from 0."""

    x: float
    y: float
    width: float
    height: float


class YoloBox(NamedTuple):
    """YOLO: centre, width, height, as fractions of the image's width and height."""

    cx: float
    cy: float
    width: float
    height: float


class MotBox(NamedTuple):
    """MOT challenge: left and top pixel counted from 1, width, height."""

    left: float
    top: float
    width: float
    height: float


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, in [0, 1]; 0 where they only touch or either has no area."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.area + b.area - shared)


def clip_box(box: Box, width: float, height: float) -> Box | None:
    """Return the part of the box inside a ``width`` x ``height`` image; None where nothing of it is inside."""
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
    """Return width and height of the released image: the integer part of size x ``published_scale``, at least 1.

    Computed in integers, so that the longer side is ``max_side`` exactly: in floats, ``w * (700 / w)`` is
    699.9999999999999 for some w. 1348 x 1070 gives 700 x 555, as the published dataset has it.
    """
    longer = max(width, height)
    if max_side is None or longer <= max_side:
        return width, height
    return max(width * max_side // longer, 1), max(height * max_side // longer, 1)
