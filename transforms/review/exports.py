"""Export objects to CVAT and Label Studio, corrected pictures to COCO, and decisions as W3C Web Annotations.

For CVAT and Label Studio, coordinates are pixels of the released picture, half-open; each object carries its
``object_id``, so that it can be matched on return, and masks are exact. For the others, coordinates are pixels of the
original image, which is identified by the sha256 of its bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.masks.outlines import Polygon, trace_outlines
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.pictures.components import lit_part
from medmultipoints.transforms.review.entries import Seen

OBJECT_ID: Final = "object_id"

DECISION: Final = column_names("corrections", "decision")
Row = Mapping[str, Any]

CONTEXT: Final = "http://www.w3.org/ns/anno.jsonld"
MEDIA_FRAGMENTS: Final = "http://www.w3.org/TR/media-frags/"
MOTIVATIONS: Final = {"accept": "assessing", "exclude": "moderating"}
"""Motivation of an annotation by action; all other actions are edits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPicture:
    """A picture with its released objects and the reviewers' decisions; without a size it is not released."""

    sample_id: str
    image_sha256: str
    decisions: Sequence[Row]
    size: tuple[int, int] | None = None
    objects: Sequence[Seen] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A picture with its objects; ``file`` is its path in the export."""

    file: str
    sample_id: str
    image_sha256: str
    width: int
    height: int
    objects: tuple[Seen, ...]


def cvat_xml(sheets: Iterable[Sheet], labels: Sequence[str], name: str) -> Iterable[str]:
    """Yield the pieces of a CVAT file for images."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta><task>\n'
    yield f"    <name>{escape(name)}</name>\n    <labels>\n"
    attribute = f"<name>{OBJECT_ID}</name><mutable>False</mutable><input_type>text</input_type><default_value/>"
    for label in labels:
        own = f"<attribute>{attribute}<values/></attribute>"
        yield f"      <label><name>{escape(label)}</name><attributes>{own}</attributes></label>\n"
    yield "    </labels>\n  </task></meta>\n"
    for number, sheet in enumerate(sheets):
        size = f'width="{sheet.width}" height="{sheet.height}"'
        yield f'  <image id="{number}" name={quoteattr(sheet.file)} {size}>\n'
        yield from (f"    {_cvat_shape(one, sheet)}\n" for one in sheet.objects)
        yield "  </image>\n"
    yield "</annotations>\n"


def _cvat_shape(one: Seen, sheet: Sheet) -> str:
    same = f'label={quoteattr(one.label)} source="file" occluded="0" z_order="0"'
    inside = f'<attribute name="{OBJECT_ID}">{escape(one.object_id)}</attribute>'
    if one.rle is None:
        box = one.box
        sides = f'xtl="{box.x1:g}" ytl="{box.y1:g}" xbr="{box.x2:g}" ybr="{box.y2:g}"'
        return f"<box {same} {sides}>{inside}</box>"
    mask = decode_rle(one.rle, sheet.height, sheet.width)
    rows, columns = lit_part(mask)
    part = mask[rows, columns]
    runs = ", ".join(map(str, _runs(part.ravel())))
    place = f'left="{columns.start}" top="{rows.start}" width="{part.shape[1]}" height="{part.shape[0]}"'
    return f'<mask {same} rle="{runs}" {place}>{inside}</mask>'


def _runs(values: NDArray[np.bool_]) -> list[int]:
    """Return run lengths, background first."""
    changes = np.flatnonzero(np.diff(values)) + 1
    runs: list[int] = np.diff([0, *changes, len(values)]).tolist()
    return [0, *runs] if values[0] else runs


def label_studio_tasks(sheets: Iterable[Sheet], root: str, model: str) -> list[dict[str, Any]]:
    """Return Label Studio tasks with the objects as predictions; pictures are in the local storage folder ``root``."""
    return [
        {
            "data": {
                "image": f"/data/local-files/?d={root}/{sheet.file}",
                "source_id": sheet.sample_id,
                "sha256": sheet.image_sha256,
            },
            "predictions": [{"model_version": model, "result": [_region(one, sheet) for one in sheet.objects]}],
        }
        for sheet in sheets
    ]


def _region(one: Seen, sheet: Sheet) -> dict[str, Any]:
    size = {"original_width": sheet.width, "original_height": sheet.height, "image_rotation": 0}
    own = {"id": one.object_id, "to_name": "image", **size}
    if one.rle is not None:
        code = encode_brush(decode_rle(one.rle, sheet.height, sheet.width))
        value: dict[str, Any] = {"format": "rle", "rle": list(code), "brushlabels": [one.label]}
        return {**own, "from_name": "mask", "type": "brushlabels", "value": value}
    box = one.box
    value = {
        "x": 100 * box.x1 / sheet.width,
        "y": 100 * box.y1 / sheet.height,
        "width": 100 * box.width / sheet.width,
        "height": 100 * box.height / sheet.height,
        "rotation": 0,
        "rectanglelabels": [one.label],
    }
    return {**own, "from_name": "box", "type": "rectanglelabels", "value": value}


def label_config(labels: Sequence[str]) -> str:
    """Return the Label Studio labelling interface for the tasks."""
    tools = [("RectangleLabels", "box"), ("BrushLabels", "mask"), ("PolygonLabels", "polygon")]
    own = "".join(f"<Label value={quoteattr(label)}/>" for label in labels)
    inside = "".join(f'<{tag} name="{name}" toName="image">{own}</{tag}>' for tag, name in tools)
    return f'<View><Image name="image" value="$image"/>{inside}</View>\n'


def encode_brush(mask: NDArray[np.bool_]) -> bytes:
    """Return a mask in Label Studio's RLE: four equal channels of 0 or 255, runs of at most 65,536."""
    bits = [_bits(mask.size * 4, 32), _bits(7, 5), *(_bits(size - 1, 4) for size in (3, 4, 8, 16))]
    value = False
    for run in _runs(mask.ravel()):
        left = 4 * run
        while left:
            length = min(left, 2**16)
            bits += [_bits(1, 1), _bits(3, 2), _bits(length - 1, 16), _bits(255 if value else 0, 8)]
            left -= length
        value = not value
    joined = np.concatenate(bits)
    return np.packbits(joined).tobytes()


def _bits(value: int, width: int) -> NDArray[np.uint8]:
    return np.array([value >> place & 1 for place in range(width - 1, -1, -1)], np.uint8)


def coco_page(title: str, pictures: Iterable[CorrectedPicture]) -> dict[str, Any]:
    """Return the pictures as one COCO file, whose annotations replace all earlier ones of these pictures.

    Excluded pictures are listed under ``excluded``.
    """
    found = sorted(pictures, key=lambda one: one.sample_id)
    kept = [one for one in found if one.size is not None]
    labels = sorted({seen.label for one in kept for seen in one.objects})
    categories = {label: number for number, label in enumerate(labels, 1)}
    shapes = [(number, seen, one.size) for number, one in enumerate(kept, 1) for seen in one.objects]
    return {
        "info": {"description": f"Corrected pictures of {title}: each with all its objects"},
        "images": [
            {"id": number, **_named(one), "width": one.size[0], "height": one.size[1]}
            for number, one in enumerate(kept, 1)
            if one.size
        ],
        "annotations": [
            {"id": number, "image_id": picture, "category_id": categories[seen.label], **_shape(seen, size)}
            for number, (picture, seen, size) in enumerate(shapes, 1)
            if size
        ],
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
        "excluded": [_named(one) for one in found if one.size is None],
    }


def _named(one: CorrectedPicture) -> dict[str, Any]:
    decisions = [{name: row[name] for name in DECISION if row[name]} for row in one.decisions]
    return {"file_name": one.sample_id, "sha256": one.image_sha256, "decisions": decisions}


def _shape(seen: Seen, size: tuple[int, int]) -> dict[str, Any]:
    box = seen.box
    own: dict[str, Any] = {"bbox": [box.x1, box.y1, box.width, box.height], "area": box.area, "iscrowd": 0}
    if seen.rle:
        width, height = size
        area = int(decode_rle(seen.rle, height, width).sum())
        own |= {"segmentation": {"size": [height, width], "counts": seen.rle}, "area": area}
    return own


def annotation_page(title: str, decisions: Iterable[tuple[Row, tuple[int, int] | None]]) -> dict[str, Any]:
    """Return all decisions as one annotation page (https://www.w3.org/TR/annotation-model/), with sizes if known."""
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
