"""Find faults of annotations, for all formats."""

from math import isfinite

from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.sources.accounting import Problem


def find_fault(annotation: Annotation) -> Problem | None:
    """Return the problem of an annotation (coordinates not finite, no area, a lone point), or None."""
    box, what = annotation.box, f"{annotation.key}: {annotation.label}"
    numbers = [] if box is None else [box.x1, box.y1, box.x2, box.y2]
    numbers += [value for outline in annotation.polygons for point in outline for value in (point.x, point.y)]
    if not all(map(isfinite, numbers)):
        return Problem("coordinates_not_finite", f"{what} has a coordinate that is not a number")
    if box is not None and (box.x1 >= box.x2 or box.y1 >= box.y2):
        sides = ", ".join(f"{side:g}" for side in numbers[:4])
        return Problem("box_zero_extent", f"{what} has the box ({sides}), which has no area")
    if any(len(outline) < 3 for outline in annotation.polygons):
        return Problem("polygon_too_short", f"{what} has an outline of fewer than 3 points")
    if box is None and not annotation.polygons and annotation.rle is None:
        detail = f"{what} is only a point: it has no extent, so it cannot be an object of a release"
        return Problem("point_without_extent", detail)
    return None
