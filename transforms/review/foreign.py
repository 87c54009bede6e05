"""Export objects of a release to annotation tools: CVAT XML for images 1.1, Label Studio tasks with predictions.

Coordinates are pixels of the released picture, half-open. Each object carries its ``object_id``, so that it can be
matched on return; masks are exact in both formats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.review.entries import Seen

OBJECT_ID: Final = "object_id"


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
    rows, columns = np.flatnonzero(np.any(mask, 1)), np.flatnonzero(np.any(mask, 0))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    runs = ", ".join(map(str, _runs(part.ravel())))
    place = f'left="{columns[0]}" top="{rows[0]}" width="{part.shape[1]}" height="{part.shape[0]}"'
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


def pins(sheets: Iterable[Sheet], release: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hash of the picture behind each exported file."""
    rows = {sheet.file: {"sample_id": sheet.sample_id, "image_sha256": sheet.image_sha256} for sheet in sheets}
    return {**release, "images": rows}
