"""Read outlines, run lengths and key points of COCO annotations."""

from collections.abc import Iterator, Mapping
from typing import Any

from pycocotools import mask as coco_mask

from medmultipoints.transforms.records import Point, Polygon
from medmultipoints.transforms.sources.reading.records.json_rows import show
from medmultipoints.transforms.sources.reading.shapes import Fault, finite, outline, polygon_fault


def read_segmentation(
    stated: Any, size: tuple[int, int] | None
) -> tuple[tuple[Polygon, ...], str | None, Fault | None]:
    """Return the outlines and the run-length code of a ``segmentation``, or the fault of the code."""
    if isinstance(stated, dict):
        rle, fault = _rle(stated, size)
        return (), rle, fault
    lists = [numbers for numbers in stated if isinstance(numbers, list)] if isinstance(stated, list) else []
    sound = tuple(outline(numbers) for numbers in lists if polygon_fault(numbers) is None)
    return sound, None, None


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
