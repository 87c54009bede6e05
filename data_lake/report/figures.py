"""Prepare the figures of a report: records, findings and images with their overlays, and a text description."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medmultipoints.transforms.diff.changes import Corners
from medmultipoints.transforms.reporting.drawing import Figure, Shape, mask_shape, number

Rows = Iterable[Mapping[str, Any]]


def record_figure(record: Mapping[str, Any], objects: Rows = ()) -> Figure:
    """Return a record with boxes, points and masks of its objects, in released pixels."""
    width, height = record["img_size"]
    boxes = tuple(("object", _corners(box)) for box in record["bbox"])
    points = tuple((x, y) for x, y in record["points"])
    alt = f"{record['sample_id']}: {count_of(record['count'], record['label'])}, {width} by {height} pixels"
    masks = _masks(objects, record["original_size"], record["scale"])
    return Figure(record["image_sha256"], record["sample_id"], width, height, alt, boxes, points, masks=masks)


def finding_figure(finding: Mapping[str, Any], image: Mapping[str, Any], objects: Rows = ()) -> Figure:
    """Return a finding with the source's box, the derived box and the masks, in pixels of the source's image."""
    boxes = [(kind, _corners(finding[f"{kind}_box"])) for kind in ("derived", "source") if finding[f"{kind}_box"]]
    words = [f"{kind} box {said_box(box)}" for kind, box in boxes]
    alt = f"{finding['sample_id']}, {finding['kind']}: {'; '.join(words) or 'no box'}"
    return _of_source(image, alt, boxes, objects)


def image_figure(image: Mapping[str, Any], boxes: Sequence[tuple[str, Corners]] = (), objects: Rows = ()) -> Figure:
    """Return a released image, with any boxes in pixels of the source's image."""
    words = [f"{kind} {said_box(box)}" for kind, box in boxes]
    return _of_source(image, "; ".join([image["sample_id"], *words]), boxes, objects)


def _of_source(image: Mapping[str, Any], alt: str, boxes: Sequence[tuple[str, Corners]], objects: Rows) -> Figure:
    width, height = image["original_width"], image["original_height"]
    masks = _masks(objects, (width, height), 1.0)
    return Figure(image["image_sha256"], image["sample_id"], width, height, alt, tuple(boxes), masks=masks)


def _masks(objects: Rows, size: Sequence[int], scale: float) -> tuple[Shape, ...]:
    width, height = size
    return tuple(
        mask_shape(row["rle"], (width, height), scale, words=f"{row['label']}: {row['area_px']:,} px")
        for row in objects
        if row["rle"]
    )


def said_box(box: Sequence[float]) -> str:
    """Return a box as text: x1, y1, x2, y2."""
    return ", ".join(map(number, box))


def count_of(count: int, label: str) -> str:
    """Return a label and its count as text that fits singular and plural labels."""
    return f"{label}, count {count}"


def _corners(box: Sequence[float]) -> Corners:
    x1, y1, x2, y2 = box
    return float(x1), float(y1), float(x2), float(y2)
