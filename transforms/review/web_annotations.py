"""Convert reviewers' decisions to W3C Web Annotations (https://www.w3.org/TR/annotation-model/).

Coordinates are pixels of the original image, which is identified by the sha256 of its bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from medmultipoints.transforms.masks.outlines import Polygon, trace_outlines
from medmultipoints.transforms.masks.run_lengths import decode_rle

CONTEXT: Final = "http://www.w3.org/ns/anno.jsonld"
MEDIA_FRAGMENTS: Final = "http://www.w3.org/TR/media-frags/"
MOTIVATIONS: Final = {"accept": "assessing", "exclude": "moderating"}
"""Motivation of an annotation by action; all other actions are edits."""

Row = Mapping[str, Any]


def annotation_page(title: str, decisions: Iterable[tuple[Row, tuple[int, int] | None]]) -> dict[str, Any]:
    """Return all decisions as one annotation page; each comes with the size of its image, if known."""
    items = [_annotation(row, size) for row, size in decisions]
    return {
        "@context": CONTEXT,
        "id": "annotations.json",
        "type": "AnnotationPage",
        "partOf": {"type": "AnnotationCollection", "label": f"Corrections of {title}", "total": len(items)},
        "startIndex": 0,
        "items": items,
    }


def _annotation(row: Row, size: tuple[int, int] | None) -> dict[str, Any]:
    """Return one decision as a W3C annotation."""
    image = f"hash://sha256/{row['image_sha256']}"
    selectors = [_box_selector(box) for box in row["boxes"]]
    if row["masks"] and size is not None:
        width, height = size
        selectors = [_mask_selector(trace_outlines(decode_rle(rle, height, width))) for rle in row["masks"]]
    places = [{"type": "SpecificResource", "source": image, "selector": one} for one in selectors]
    said = [("classifying", row["action"]), ("tagging", row["label"]), ("describing", row["reason"])]
    return {
        "id": f"#correction-{row['correction_id']}",
        "type": "Annotation",
        "motivation": MOTIVATIONS.get(row["action"], "editing"),
        "creator": {"type": "Person", "name": row["reviewer"]},
        "created": f"{row['date']}T00:00:00Z",
        "body": [{"type": "TextualBody", "purpose": purpose, "value": text} for purpose, text in said if text],
        "target": places or [{"id": image, "type": "Image"}],
    }


def _box_selector(box: list[float]) -> dict[str, str]:
    x1, y1, x2, y2 = box
    value = f"xywh=pixel:{x1:.10g},{y1:.10g},{x2 - x1:.10g},{y2 - y1:.10g}"
    return {"type": "FragmentSelector", "conformsTo": MEDIA_FRAGMENTS, "value": value}


def _mask_selector(outlines: Iterable[Polygon]) -> dict[str, str]:
    path = " ".join("M" + " L".join(f"{x:g},{y:g}" for x, y in outline) + " Z" for outline in outlines)
    return {"type": "SvgSelector", "value": f'<svg><path fill-rule="evenodd" d="{path}" /></svg>'}
