"""Convert shapes of other formats to places in pixels, or to faults.

Angles are in degrees, clockwise on screen (the y axis points down).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Box, Point, Polygon
from medmultipoints.transforms.sources.declaration.parts import Frame

ELLIPSE_VERTICES: Final = 72
NOT_A_NUMBER: Final = "box_not_a_number"
ZERO_EXTENT: Final = "box_zero_extent"
TOO_FEW_POINTS: Final = "polygon_too_few_points"


def finite(values: Iterable[object]) -> bool:
    """Return whether all values are finite numbers; booleans are not numbers."""
    held = tuple(values)
    try:
        return all(map(math.isfinite, held)) and bool not in set(map(type, held))  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        return False


def corners_to_box(corners: Sequence[float], frame: Frame = "edges") -> Box:
    """Return the half-open box of two corners in another coordinate frame.

    ``edges``: as given. ``inclusive-0``: first and last pixel counted from 0. ``inclusive-1``: counted from 1.
    """
    x1, y1, x2, y2 = corners
    if frame == "inclusive-0":
        return Box(x1, y1, x2 + 1, y2 + 1)
    if frame == "inclusive-1":
        return Box(x1 - 1, y1 - 1, x2, y2)
    return Box(x1, y1, x2, y2)


def outline(numbers: Sequence[float]) -> Polygon:
    """Return the polygon of flat numbers x1, y1, x2, y2, ...; whole numbers of any size become fractions."""
    return tuple(Point(float(x), float(y)) for x, y in zip(numbers[0::2], numbers[1::2], strict=True))


def with_holes(exterior: Polygon, holes: Iterable[Polygon]) -> Polygon:
    """Return one outline that, filled by the even-odd rule, leaves out the holes.

    The edge to each hole is passed in both directions, so it encloses nothing.
    """
    path = exterior
    for hole in holes:
        path = (*path, exterior[0], *hole, hole[0])
    return path


def extent(polygons: Iterable[Polygon]) -> Box:
    """Return the bounding box of all polygons."""
    points = [point for polygon in polygons for point in polygon]
    xs, ys = [point.x for point in points], [point.y for point in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def box_outline(box: Box) -> Polygon:
    """Return the four corners of a box, clockwise from the top left."""
    return Point(box.x1, box.y1), Point(box.x2, box.y1), Point(box.x2, box.y2), Point(box.x1, box.y2)


def rotate(polygon: Polygon, degrees: float, centre: Point) -> Polygon:
    """Return the polygon rotated clockwise about ``centre``."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))

    def turned(point: Point) -> Point:
        dx, dy = point.x - centre.x, point.y - centre.y
        return Point(centre.x + dx * cosine - dy * sine, centre.y + dx * sine + dy * cosine)

    return tuple(map(turned, polygon))


def ellipse_outline(cx: float, cy: float, rx: float, ry: float) -> Polygon:
    """Return a polygon of ``ELLIPSE_VERTICES`` points on the ellipse; its extent is exact."""
    steps = (2 * math.pi * step / ELLIPSE_VERTICES for step in range(ELLIPSE_VERTICES))
    return tuple(Point(cx + rx * math.cos(angle), cy + ry * math.sin(angle)) for angle in steps)


@dataclass(frozen=True, slots=True)
class Fault:
    """Reason why a shape cannot be used; ``dropped`` if it is valid but not an object."""

    reason: str
    detail: str
    verdict: Literal["dropped", "rejected"] = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Place of an object, in pixels of its picture."""

    box: Box | None = None
    polygons: tuple[Polygon, ...] = ()
    rle: str | None = None
    point: Point | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def not_finite(shape: str, reason: str = NOT_A_NUMBER) -> Fault:
    """Return the fault of a shape, such as ``the box 1, nan, 2, 3``, with a value that is not a finite number."""
    return Fault(reason, f"{shape} has a value that is not a finite number")


def box_place(
    box: Box, stated: Sequence[object], size: tuple[int, int] | None, degenerate: Literal["reject", "keep"]
) -> Place | Fault:
    """Return the place of a stated box, or its fault."""
    fault = box_fault(box, stated, *(size or ()))
    return Place(box=box) if fault is None or (fault.reason == ZERO_EXTENT and degenerate == "keep") else fault


def outline_place(numbers: Sequence[float]) -> Place | Fault:
    """Return the place of a polygon of flat numbers, or its fault."""
    fault = polygon_fault(numbers)
    return fault or Place(polygons=(outline(numbers),))


def oriented_place(box: Box, degrees: float, centre: Point | None = None) -> Place | Fault:
    """Return the bounding box of a box rotated clockwise about ``centre`` (default: its own), with its corners."""
    corners = rotate(box_outline(box), degrees, centre or box.centre)
    return corners_place(corners, degrees)


def corners_place(corners: Polygon, degrees: float | None = None) -> Place | Fault:
    """Return the bounding box of an oriented box's corners, with the corners as an attribute."""
    attributes = {"corners": " ".join(f"{corner.x:.6g},{corner.y:.6g}" for corner in corners)}
    if degrees is not None:
        attributes["rotation"] = f"{degrees:.6g}"
    held = extent([corners])
    fault = box_fault(held, [f"{corner.x:g},{corner.y:g}" for corner in corners])
    return fault or Place(box=held, attributes=attributes)


def ellipse_place(rule: str | None, values: Sequence[float], degrees: float = 0) -> Place | Fault:
    """Return the outline of an ellipse (cx, cy, rx, ry) if ``rule``, from ``[read.shapes] ellipse``, is polygon."""
    if rule != "polygon":
        word = "ellipse_ignored" if rule else "ellipse_undecided"
        return Fault(word, "an ellipse is an object only if [read.shapes] ellipse says so", "dropped")
    if not finite((*values, degrees)) or min(values[2:]) <= 0:
        return Fault("ellipse_damaged", f"the ellipse {', '.join(f'{value:g}' for value in values)} has no extent")
    cx, cy, rx, ry = values
    polygon = ellipse_outline(cx, cy, rx, ry)
    return Place(polygons=(rotate(polygon, degrees, Point(cx, cy)) if degrees else polygon,))


def crop_place(pixels: NDArray[np.bool_], left: int, top: int, size: tuple[int, int]) -> Place | Fault:
    """Return the place of a mask of a part of its picture, with its first pixel at ``left``, ``top``."""
    height, width = pixels.shape
    if left < 0 or top < 0 or left + width > size[0] or top + height > size[1] or not pixels.any():
        detail = f"a mask of {width} x {height} pixels at {left}, {top} is empty or leaves the frame"
        return Fault("mask_damaged", detail)
    return Place(rle=encode_rle(pixels.astype(np.uint8), left, top, *size))


def point_place(point: Point) -> Place | Fault:
    """Return the place of a point, or its fault."""
    if not finite((point.x, point.y)):
        return Fault("point_not_a_number", f"the point {point.x}, {point.y} is not a position")
    return Place(point=point)


def box_fault(
    box: Box, stated: Sequence[object], width: float | None = None, height: float | None = None
) -> Fault | None:
    """Return the fault of a half-open box, or None; ``stated``: the numbers in the file, for the message."""
    said = ", ".join(str(number) for number in stated)
    if not finite((box.x1, box.y1, box.x2, box.y2)):
        return not_finite(f"the box {said}")
    if box.x1 > box.x2 or box.y1 > box.y2:
        return Fault("box_inverted", f"the box {said} ends before it begins")
    if box.x1 == box.x2 or box.y1 == box.y2:
        return Fault(ZERO_EXTENT, f"the box {said} has no extent")
    if (width and (box.x2 <= 0 or box.x1 >= width)) or (height and (box.y2 <= 0 or box.y1 >= height)):
        return Fault("box_outside_image", f"the box {said} lies outside the picture of {width:g} x {height:g} pixels")
    return None


def polygon_fault(numbers: Sequence[object]) -> Fault | None:
    """Return the fault of a polygon of flat numbers, or None."""
    if len(numbers) % 2:
        return Fault("polygon_odd_numbers", f"the polygon has {len(numbers)} numbers, which do not form pairs")
    if not finite(numbers):
        return not_finite("the polygon", "polygon_not_a_number")
    distinct = len(set(zip(numbers[0::2], numbers[1::2], strict=True)))
    if distinct < 3:
        return Fault(TOO_FEW_POINTS, f"the polygon has {distinct} distinct points; an area needs three")
    return None


def crosses_itself(polygon: Polygon, limit: int = 400) -> bool:
    """Return whether two sides of a polygon cross; False for more than ``limit`` vertices."""
    points = [(point.x, point.y) for point in polygon]
    points = [point for point, before in zip(points, [points[-1], *points[:-1]], strict=True) if point != before]
    if not 4 <= len(points) <= limit:
        return False
    sides = list(pairwise([*points, points[0]]))
    return any(
        _cross(*sides[i], *sides[j])
        for i in range(len(sides))
        for j in range(i + 2, len(sides))
        if not (i == 0 and j == len(sides) - 1)
    )


_XY = tuple[float, float]


def _cross(a: _XY, b: _XY, c: _XY, d: _XY) -> bool:
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: _XY, b: _XY, c: _XY) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
