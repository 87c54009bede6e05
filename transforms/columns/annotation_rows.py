"""Convert annotations and mask layers of samples to rows of the table ``annotations`` and back."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from medmultipoints.transforms.records import Annotation, Box, MaskLayer, Point, Sample

Row = dict[str, Any]
_LAYER_FIELDS = ("member", "kind", "object", "min_area_px", "channel", "plane", "grid")


def annotation_rows(samples: Iterable[Sample]) -> Iterator[Row]:
    """Yield one row for each annotation and each mask layer, numbered from 0 within its sample."""
    for sample in samples:
        rows = [*map(_annotation_row, sample.annotations), *map(_layer_row, sample.layers)]
        for number, row in enumerate(rows):
            owner = {"annotation_id": f"{sample.sample_id}:{number:07d}", "sample_id": sample.sample_id}
            yield owner | {"source": sample.source} | row


def with_annotations(sample: Sample, rows: Iterable[Mapping[str, Any]]) -> Sample:
    """Return the sample with the annotations and mask layers of its rows, in order."""
    listed = list(rows)
    return replace(
        sample,
        annotations=tuple(_annotation(row) for row in listed if row["mask_member"] is None),
        layers=tuple(_layer(row) for row in listed if row["mask_member"] is not None),
    )


def _annotation_row(one: Annotation) -> Row:
    box = one.box
    return {
        "key": one.key,
        "label": one.label,
        "evidence": one.evidence,
        **{side: box and getattr(box, side) for side in ("x1", "y1", "x2", "y2")},
        "polygons": [[value for point in outline for value in (point.x, point.y)] for outline in one.polygons],
        "rle": one.rle,
        "track_id": one.track_id,
        "attributes": _as_json(one.attributes),
        **{f"mask_{name}": None for name in _LAYER_FIELDS},
        "mask_labels": None,
        "mask_ignore": [],
        "reading": one.reading,
    }


def _layer_row(layer: MaskLayer) -> Row:
    return {
        "key": layer.member,
        "label": layer.label or "",
        "evidence": "mask",
        **dict.fromkeys(("x1", "y1", "x2", "y2", "rle", "track_id")),
        "attributes": _as_json(layer.left_out),
        "polygons": [],
        **{f"mask_{name}": getattr(layer, name) for name in _LAYER_FIELDS},
        "mask_labels": json.dumps(dict(layer.labels), sort_keys=True),
        "mask_ignore": list(layer.ignore),
        "reading": layer.reading,
    }


def _as_json(texts: Mapping[str, str]) -> str | None:
    return json.dumps(dict(texts), sort_keys=True) if texts else None


def _annotation(row: Mapping[str, Any]) -> Annotation:
    return Annotation(
        key=row["key"],
        label=row["label"],
        box=None if row["x1"] is None else Box(row["x1"], row["y1"], row["x2"], row["y2"]),
        polygons=tuple(tuple(map(Point, flat[::2], flat[1::2])) for flat in row["polygons"]),
        rle=row["rle"],
        track_id=row["track_id"],
        attributes=json.loads(row["attributes"]) if row["attributes"] else {},
        reading=row["reading"],
    )


def _layer(row: Mapping[str, Any]) -> MaskLayer:
    return MaskLayer(
        **{name: row[f"mask_{name}"] for name in _LAYER_FIELDS},
        label=row["label"] or None,
        labels=json.loads(row["mask_labels"]),
        ignore=tuple(row["mask_ignore"]),
        left_out=json.loads(row["attributes"]) if row["attributes"] else {},
        reading=row["reading"],
    )
