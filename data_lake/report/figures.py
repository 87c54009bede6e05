"""Pictures with what is drawn over them, in the pixels of one frame, and the same in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medmultipoints.transforms.diff.changes import Corners


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in a frame of ``width`` by ``height`` pixels; the drawn are in these pixels.

    ``image_sha256`` names the picture: under one ``sample_id`` two releases can have different ones.
    ``boxes`` come with the class of each in the style sheet: object, derived, source, after or before; the later lies
    on top. ``alt`` says the same as the drawing.
    """

    image_sha256: str
    sample_id: str
    width: float
    height: float
    alt: str
    boxes: tuple[tuple[str, Corners], ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    paths: tuple[tuple[tuple[float, float], ...], ...] = ()

    @property
    def unit(self) -> float:
        """A hundredth of the longer side."""
        return max(self.width, self.height) / 100


def record_figure(record: Mapping[str, Any]) -> Figure:
    """A record with the boxes and points of its objects, in released pixels."""
    width, height = record["img_size"]
    boxes = tuple(("object", _corners(box)) for box in record["bbox"])
    points = tuple((x, y) for x, y in record["points"])
    alt = f"{record['sample_id']}: {count_of(record['count'], record['label'])}, {width} by {height} pixels"
    return Figure(record["image_sha256"], record["sample_id"], width, height, alt, boxes, points)


def finding_figure(finding: Mapping[str, Any], image: Mapping[str, Any]) -> Figure:
    """A finding of the audit with the source's box and the derived one, in pixels of the source's image."""
    boxes = [(kind, _corners(finding[f"{kind}_box"])) for kind in ("derived", "source") if finding[f"{kind}_box"]]
    told = [f"{kind} box {said_box(box)}" for kind, box in boxes]
    alt = f"{finding['sample_id']}, {finding['kind']}: {'; '.join(told) or 'no box'}"
    return _of_source(image, alt, boxes)


def image_figure(image: Mapping[str, Any], boxes: Sequence[tuple[str, Corners]] = ()) -> Figure:
    """A released image, with boxes in pixels of the source's image where there are any."""
    told = [f"{kind} {said_box(box)}" for kind, box in boxes]
    alt = "; ".join([image["sample_id"], *told])
    return _of_source(image, alt, boxes)


def _of_source(image: Mapping[str, Any], alt: str, boxes: Sequence[tuple[str, Corners]]) -> Figure:
    width, height = image["original_width"], image["original_height"]
    return Figure(image["image_sha256"], image["sample_id"], width, height, alt, tuple(boxes))


def said_box(box: Sequence[float]) -> str:
    """A box as people read it: x1, y1, x2, y2."""
    return ", ".join(f"{side:.1f}".removesuffix(".0") for side in box)


def count_of(number: int, label: str) -> str:
    """How many of what, whether the label is a plural or not."""
    return f"{label}, count {number}"


def _corners(box: Sequence[float]) -> Corners:
    x1, y1, x2, y2 = box
    return float(x1), float(y1), float(x2), float(y2)
