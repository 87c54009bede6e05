"""Make annotations of shapes, for all formats."""

from collections.abc import Mapping
from typing import Any

from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.sources.annotated import ReadProblem
from medmultipoints.transforms.sources.reading.shapes import Fault, Place


def make_annotation(
    key: str, label: str, place: Place | Fault, attributes: Mapping[str, str], track_id: str | None = None
) -> Annotation | ReadProblem:
    """Return the annotation of a shape, or its problem."""
    if not label.strip():
        place = Fault("label_missing", "the shape has no label")
    if isinstance(place, Fault):
        detail = f"{key}: {place.detail}"
        return ReadProblem(key=key, reason=place.reason, detail=detail, verdict=place.verdict, label=label or None)
    return Annotation(
        key=key,
        label=label.strip(),
        box=place.box,
        polygons=place.polygons,
        rle=place.rle,
        point=place.point,
        track_id=track_id,
        attributes={**place.attributes, **attributes},
    )


def read_label(value: Any) -> str:
    """Return a label as text, also one written as a whole number; empty for other values."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
