"""Boxes from the conventions of other tools: the inverses of `to_coco`, `to_yolo` and `to_mot`."""

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import CocoBox, MotBox, YoloBox


def from_coco(coco: CocoBox) -> Box:
    """Return the box: inverse of ``to_coco``."""
    return Box(coco.x, coco.y, coco.x + coco.width, coco.y + coco.height)


def from_yolo(yolo: YoloBox, width: float, height: float) -> Box:
    """Return the box: inverse of ``to_yolo``. Nothing is rounded or clipped: a label may pass the image's edge.

    Centre and half size are brought to pixels before they are added: edges that an annotator set on whole
    pixels then come back as whole numbers far more often than from ``(cx - w / 2) * width``.
    """
    x, y = yolo.cx * width, yolo.cy * height
    half_width, half_height = yolo.width * width / 2, yolo.height * height / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def from_mot(mot: MotBox) -> Box:
    """Return the box: inverse of ``to_mot``."""
    return Box(mot.left - 1, mot.top - 1, mot.left - 1 + mot.width, mot.top - 1 + mot.height)
