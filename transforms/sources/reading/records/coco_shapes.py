"""Read outlines, run lengths and key points of COCO annotations."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pycocotools import mask as coco_mask

from medmultipoints.transforms.records import Box, Point, Polygon
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.sources.reading.records.json_rows import show
from medmultipoints.transforms.sources.reading.shapes import Fault, extent, finite, outline, polygon_fault

_LEAST_OVERLAP: Final = 0.25


def read_segmentation(
    stated: Any, size: tuple[int, int] | None, unit: str | None = None
) -> tuple[tuple[Polygon, ...], str | None, Fault | None]:
    """Return the outlines and the run-length code of a ``segmentation``, or the fault of the code.

    One polygon may be given without the list around it. If boxes are fractions, so are outlines that do not pass 1.
    """
    if isinstance(stated, dict):
        rle, fault = _rle(stated, size)
        return (), rle, fault
    if isinstance(stated, list) and len(stated) >= 6 and finite(stated):
        stated = [stated]
    lists = [numbers for numbers in stated if isinstance(numbers, list)] if isinstance(stated, list) else []
    sound = tuple(outline(numbers) for numbers in lists if polygon_fault(numbers) is None)
    if unit == "fraction" and size is not None and all(max(point) <= 1 for polygon in sound for point in polygon):
        sound = tuple(tuple(Point(x * size[0], y * size[1]) for x, y in polygon) for polygon in sound)
    return sound, None, None


def contradiction(box: Box | None, polygons: tuple[Polygon, ...], stated: Any) -> Fault | None:
    """Return the fault of an outline or of plain run lengths that lie elsewhere than the box of the same object."""
    if box is None:
        return None
    if polygons:
        found = extent(polygons)
    elif isinstance(stated, dict) and isinstance(stated.get("counts"), list):
        height, width = stated["size"]
        x, y, w, h = coco_mask.toBbox(coco_mask.frPyObjects({"size": [height, width], **stated}, height, width))
        found = Box(float(x), float(y), float(x + w), float(y + h))
    else:
        return None
    if _overlap(box, found) >= _LEAST_OVERLAP:
        return None
    texts = [", ".join(f"{value:g}" for value in one) for one in (box, found)]
    detail = f"the box {texts[0]} and the outline {texts[1]} of one object are at different places: correct one of them"
    return Fault("outline_contradicts_box", detail)


def _overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, each grown by a pixel, since writers round."""
    return iou(*(Box(box.x1 - 1, box.y1 - 1, box.x2 + 1, box.y2 + 1) for box in (one, other)))


def _rle(stated: Mapping[str, Any], expected: tuple[int, int] | None) -> tuple[str | None, Fault | None]:
    size, counts = stated.get("size"), stated.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)):
        return None, Fault("rle_damaged", f"the mask's size is {show(size)}")
    height, width = size
    if expected is not None and (width, height) != expected:
        picture = f"{expected[0]} x {expected[1]}"
        return None, Fault("rle_other_size", f"the mask is of {width} x {height} pixels, the picture of {picture}")
    if isinstance(counts, str):
        return counts, None
    if not isinstance(counts, list) or not all(isinstance(run, int) and run >= 0 for run in counts):
        return None, Fault("rle_damaged", f"the mask's counts are {show(counts)}")
    if sum(counts) != width * height:
        return None, Fault("rle_damaged", f"the mask's runs add up to {sum(counts)}, not to {width * height} pixels")
    packed: bytes = coco_mask.frPyObjects({"size": size, "counts": counts}, height, width)["counts"]
    return packed.decode("ascii"), None


def key_points(stated: Any) -> list[Point]:
    """Return the labelled key points; (0, 0, 0) is an unlabelled one."""
    if not isinstance(stated, list) or len(stated) % 3 or not finite(stated):
        return []
    triples: Iterator[Any] = zip(stated[0::3], stated[1::3], stated[2::3], strict=True)
    return [Point(x, y) for x, y, visible in triples if visible]
