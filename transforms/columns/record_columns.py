"""Convert records to columns, and rows back to samples and objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from medmultipoints.transforms.columns.tables import column_names, schema_of
from medmultipoints.transforms.records import (
    SIDES,
    TONE_COLUMNS,
    Box,
    Exclusion,
    FramePicture,
    Point,
    Region,
    ReleasedObject,
    Sample,
    SourceBox,
    Tone,
)

EXCLUSION_SCHEMA = {name: schema_of("exclusions")[name] for name in column_names("exclusions", "given")}
"""Types of the columns of an exclusion; its stage adds the table's other columns."""
Columns = dict[str, list[Any]]
_POINTS = {"centroid": ("cx", "cy"), "interior": ("ix", "iy")}
NESTED_SAMPLE_FIELDS = ("source_boxes", "neighbours", "annotations", "layers")
PLAIN_SAMPLE_FIELDS = tuple(field.name for field in fields(Sample) if field.name not in NESTED_SAMPLE_FIELDS)
PLAIN_REGION_FIELDS = tuple(field.name for field in fields(Region) if field.name not in ("box", *_POINTS, "tone"))
_LISTS = ("labels_exhaustive", "uncertain", "parts")


def sample_columns(samples: Iterable[Sample]) -> Columns:
    """Return the table ``samples``, column by column, sorted by sample_id."""
    ordered = sorted(samples, key=lambda sample: sample.sample_id)
    columns = collect(ordered, {name: attrgetter(name) for name in ("sample_id", *PLAIN_SAMPLE_FIELDS)})
    columns |= {name: [list(getattr(sample, name)) for sample in ordered] for name in _LISTS}
    columns["source_labels"] = [[stated.label for stated in sample.source_boxes] for sample in ordered]
    columns["source_boxes"] = [
        [[getattr(stated.box, side) for side in SIDES] for stated in sample.source_boxes] for sample in ordered
    ]
    columns["neighbour_frames"] = [[one.frame_index for one in sample.neighbours] for sample in ordered]
    columns["neighbour_members"] = [[one.member for one in sample.neighbours] for sample in ordered]
    return columns


def sample_of(row: Mapping[str, Any]) -> Sample:
    """Return the sample of a row of the table ``samples``."""
    plain = {name: row[name] for name in PLAIN_SAMPLE_FIELDS}
    stated = zip(row["source_labels"], row["source_boxes"], strict=True)
    neighbours = zip(row["neighbour_frames"], row["neighbour_members"], strict=True)
    return Sample(
        **plain | {name: tuple(row[name]) for name in _LISTS},
        source_boxes=tuple(SourceBox(label, Box(*box)) for label, box in stated),
        neighbours=tuple(FramePicture(*one) for one in neighbours),
    )


def object_of(row: Mapping[str, Any]) -> ReleasedObject:
    """Return the object of a row of the table ``objects``."""
    box = Box(row["x1"], row["y1"], row["x2"], row["y2"])
    across, down = _POINTS.get(row["point_kind"], _POINTS["centroid"])
    x, y = row[across], row[down]
    return ReleasedObject(
        object_id=row["object_id"],
        label=row["label"],
        box=box,
        point=Point(x, y) if row["point_kind"] in _POINTS else box.centre,
        area_px=row["area_px"],
        rle=row["rle"],
        tone=None if row["luma"] is None else Tone(*(row[name] for name in TONE_COLUMNS)),
        track_id=row["track_id"] or None,
        truncated=row["truncated"],
    )


def region_columns(regions: Sequence[Region]) -> Columns:
    """Return the columns of the table ``regions`` that come from the regions alone."""
    columns = collect(regions, {name: attrgetter(name) for name in ("region_id", *PLAIN_REGION_FIELDS)})
    columns |= collect(regions, {side: attrgetter(f"box.{side}") for side in SIDES})
    for name in TONE_COLUMNS:
        columns[name] = [region.tone and getattr(region.tone, name) for region in regions]
    for name, axes in _POINTS.items():
        points = [getattr(region, name) for region in regions]
        for axis, column in enumerate(axes):
            columns[column] = [point[axis] if point else None for point in points]
    return columns


def exclusion_columns(exclusions: Iterable[Exclusion]) -> Columns:
    """Return the table ``exclusions`` without the columns that its stage adds."""
    return collect(list(exclusions), {name: attrgetter(name) for name in EXCLUSION_SCHEMA})


def collect(rows: Sequence[object], readers: Mapping[str, Callable[[Any], Any]]) -> Columns:
    """Return one list per name: the results of its reader on each row."""
    return {name: list(map(reader, rows)) for name, reader in readers.items()}
