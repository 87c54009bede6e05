"""Convert records to columns, and rows back to samples and objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import polars as pl

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


def objects_of(rows: pl.DataFrame) -> list[ReleasedObject]:
    """Return the objects of rows of the table ``objects``, built column by column: three times faster than by row."""
    point = pl.coalesce(
        *(pl.when(point_kind=kind).then(pl.struct(x=axes[0], y=axes[1])) for kind, axes in _POINTS.items()),
        pl.struct(x=(pl.col("x1") + pl.col("x2")) / 2, y=(pl.col("y1") + pl.col("y2")) / 2),
    )
    places = rows.select(point=point).unnest("point")
    tones = zip(*(rows[name].to_list() for name in TONE_COLUMNS), strict=True)
    columns = (
        map(Box, *(rows[side].to_list() for side in SIDES)),
        map(Point, places["x"].to_list(), places["y"].to_list()),
        (None if tone[0] is None else Tone(*tone) for tone in tones),
        *(rows[name].to_list() for name in ("object_id", "label", "area_px", "rle", "track_id", "truncated")),
    )
    return [
        ReleasedObject(
            object_id=object_id,
            label=label,
            box=box,
            point=point,
            area_px=area_px,
            rle=rle,
            tone=tone,
            track_id=track_id or None,
            truncated=truncated,
        )
        for box, point, tone, object_id, label, area_px, rle, track_id, truncated in zip(*columns, strict=True)
    ]


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
