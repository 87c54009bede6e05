"""Verbs over boxes: overlap, clipping, scaling, and every foreign convention with its inverse.

A ``Box`` is half-open, in pixel edges, origin top-left (see ``transforms.records``). Numbers in another
convention have a type of their own here, so that they cannot be taken for a ``Box`` by accident.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class VocBox(NamedTuple):
    """Pascal VOC: first and last pixel, both inclusive, counted from 1."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


class MotBox(NamedTuple):
    """MOT challenge: left and top pixel counted from 1, width, height."""

    left: float
    top: float
    width: float
    height: float


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]; 0 where they only touch or either has no area."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.area + b.area - shared)


def clip_box(box: Box, width: float, height: float) -> Box | None:
    """The part of the box inside a ``width`` x ``height`` image; None where nothing of it is inside."""
    clipped = Box(max(box.x1, 0), max(box.y1, 0), min(box.x2, width), min(box.y2, height))
    return clipped if clipped.x1 < clipped.x2 and clipped.y1 < clipped.y2 else None


def scale_box(box: Box, scale: float) -> Box:
    """The box in an image resized by ``scale``, in float64; see ``scale_boxes_float32`` for published values."""
    return Box(box.x1 * scale, box.y1 * scale, box.x2 * scale, box.y2 * scale)


def to_coco(box: Box) -> CocoBox:
    """The box as COCO states it."""
    return CocoBox(box.x1, box.y1, box.width, box.height)


def from_coco(coco: CocoBox) -> Box:
    """Inverse of ``to_coco``."""
    return Box(coco.x, coco.y, coco.x + coco.width, coco.y + coco.height)


def to_yolo(box: Box, width: float, height: float) -> YoloBox:
    """The box as YOLO states it, for an image of ``width`` x ``height`` pixels."""
    centre = box.centre
    return YoloBox(centre.x / width, centre.y / height, box.width / width, box.height / height)


def from_yolo(yolo: YoloBox, width: float, height: float) -> Box:
    """Inverse of ``to_yolo``. Nothing is rounded or clipped: a label may pass the image's edge.

    Centre and half size are brought to pixels before they are added: edges that an annotator set on whole
    pixels then come back as whole numbers far more often than from ``(cx - w / 2) * width``.
    """
    x, y = yolo.cx * width, yolo.cy * height
    half_width, half_height = yolo.width * width / 2, yolo.height * height / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def to_voc(box: Box) -> VocBox:
    """The box as Pascal VOC states it: the single pixel at (0, 0) is ``(1, 1, 1, 1)``."""
    return VocBox(box.x1 + 1, box.y1 + 1, box.x2, box.y2)


def from_voc(voc: VocBox) -> Box:
    """Inverse of ``to_voc``."""
    return Box(voc.xmin - 1, voc.ymin - 1, voc.xmax, voc.ymax)


def to_mot(box: Box) -> MotBox:
    """The box as MOT states it: the single pixel at (0, 0) is ``(1, 1, 1, 1)``."""
    return MotBox(box.x1 + 1, box.y1 + 1, box.width, box.height)


def from_mot(mot: MotBox) -> Box:
    """Inverse of ``to_mot``."""
    return Box(mot.left - 1, mot.top - 1, mot.left - 1 + mot.width, mot.top - 1 + mot.height)


def grow_box(box: Box) -> Box:
    """The numbers that the source JSON gives for a half-open box: left and top one pixel out, cut at 0.

    Source of the rule: 1,030 of the 1,071 boxes of HyperKvasir's ``bounding-boxes.json`` follow it exactly.
    """
    return Box(max(box.x1 - 1, 0), max(box.y1 - 1, 0), box.x2, box.y2)


def ungrow_box(box: Box) -> Box:
    """The half-open box behind the numbers of the source JSON.

    Inverse of ``grow_box``, but for one pixel at the border: a source box with ``xmin`` 0 begins in column 0
    or in column 1, and only the mask can tell; it is read as column 0, the larger box. The same for ``ymin``.
    """
    return Box(box.x1 + 1 if box.x1 > 0 else 0, box.y1 + 1 if box.y1 > 0 else 0, box.x2, box.y2)


def published_scale(width: int, height: int, max_side: int | None) -> float:
    """The factor of the published resize, ``min(1, max_side / max(width, height))``; 1 without a ``max_side``."""
    return 1.0 if max_side is None else min(1.0, max_side / max(width, height))


def released_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Width and height of the released image: the integer part of size x ``published_scale``, at least 1.

    Computed in integers, so that the longer side is ``max_side`` exactly: in floats, ``w * (700 / w)`` is
    699.9999999999999 for some w. 1348 x 1070 gives 700 x 555, as the published dataset has it.
    """
    longer = max(width, height)
    if max_side is None or longer <= max_side:
        return width, height
    return max(width * max_side // longer, 1), max(height * max_side // longer, 1)


def scale_boxes_float32(boxes: Sequence[Box], scale: float) -> list[list[float]]:
    """The published ``bbox`` of source boxes: ``[x1, y1, x2, y2]`` each, every value exact in float32.

    The product is taken in float64 and then cast; float32 x float32 differs from the published digits.
    """
    edges = np.array([(box.x1, box.y1, box.x2, box.y2) for box in boxes], np.float64).reshape(-1, 4)
    return _float32_rows(edges * scale)


def published_points(boxes: Sequence[Box], scale: float) -> list[list[float]]:
    """The published ``points`` of source boxes: ``[x, y]`` each, the box's centre x ``scale`` as float32.

    The centre is that of the source's own numbers, grown convention included.
    """
    centres = np.array([(box.centre.x, box.centre.y) for box in boxes], np.float64).reshape(-1, 2)
    return _float32_rows(centres * scale)


def round_to_tenths(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """Coordinates as the published JSONL prints them: Python's ``round(value, 1)``, in float64.

    Rounding inside float32 does not give the published values: 235.2 would print as 235.1999969482422.
    """
    return [[round(value, 1) for value in row] for row in rows]


def _float32_rows(values: NDArray[np.float64]) -> list[list[float]]:
    rows: list[list[float]] = values.astype(np.float32).astype(np.float64).tolist()
    return rows
