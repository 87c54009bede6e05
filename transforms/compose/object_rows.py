"""Turn regions of original images into objects of released images, with boxes and points in released pixels.

``transforms.compose.policy`` selects the regions. The point is the centre of the box under ``published``; under
``audited`` it is the centroid where it lies in its own component, else the interior point, and without a mask the
centre of the box.
``rounding`` first rounds the boxes of tracks to integers in the original image: ``nearest`` (halves up) or
``floor``; a box that loses its area becomes the pixel that contains its centre.
"""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.compose.policy import Policy, select_regions

Rounding = Literal["none", "nearest", "floor"]
OBJECT_COLUMNS = column_names("objects")
COORDINATES = (*column_names("objects", "position"), "px", "py")


def place_objects(
    regions: pl.DataFrame,
    context: pl.DataFrame,
    *,
    policy: Policy,
    labels: Mapping[str, str],
    rounding: Rounding,
    own: Mapping[str, Policy] | None = None,
) -> pl.DataFrame:
    """Return the rows of the table ``objects`` with ``point`` (x, y), sorted by sample_id, label and index.

    ``context`` gives sample_id, image_sha256, split and scale of the images; regions of other images are left
    out. Coordinates are original coordinates times scale, in float64; records hold the same numbers as float32, as the
    published data set does. ``index`` numbers the objects of a record from 0, in the order of the regions'
    evidence and index.
    """
    known = context.select("sample_id", "image_sha256", "split", "scale")
    return (
        rename_labels(select_regions(regions, policy, own), labels)
        .join(known, on="sample_id")
        .pipe(_scale_coordinates, policy, rounding)
        .sort("sample_id", "label", "evidence", "index", "region_label")
        .with_columns(
            index=pl.int_range(pl.len(), dtype=pl.Int64).over("sample_id", "label"),
            record_id=pl.format("{}:{}", "image_sha256", "label"),
        )
        .with_columns(object_id=pl.format("{}:{}", "record_id", "index"))
        .select(*OBJECT_COLUMNS, point=pl.concat_list("px", "py"))
    )


def rename_labels(regions: pl.DataFrame, labels: Mapping[str, str]) -> pl.DataFrame:
    """Return the regions of selected labels with their released label; ``region_label`` keeps the original one."""
    released = pl.col("label").replace_strict(labels, default=None, return_dtype=pl.String)
    return regions.with_columns(region_label="label", label=released).drop_nulls("label")


def _scale_coordinates(objects: pl.DataFrame, policy: Policy, rounding: Rounding) -> pl.DataFrame:
    return (
        objects.with_columns(_round_tracks(rounding))
        .with_columns(point_kind=_point_kind(policy))
        .with_columns(px=_point_coordinate("x"), py=_point_coordinate("y"))
        .with_columns(pl.col(name) * pl.col("scale") for name in COORDINATES)
    )


def _round_tracks(rounding: Rounding) -> list[pl.Expr]:
    """Return the sides with those of tracks rounded; a box without area becomes one pixel."""
    if rounding == "none":
        return []
    edges, half = [], 0.5 if rounding == "nearest" else 0.0
    for low, high in (("x1", "x2"), ("y1", "y2")):
        first, last = ((pl.col(side) + half).floor() for side in (low, high))
        pixel = ((pl.col(low) + pl.col(high)) / 2).floor()
        flat = first >= last
        edges += [
            pl.when(flat).then(pixel).otherwise(first).alias(low),
            pl.when(flat).then(pixel + 1).otherwise(last).alias(high),
        ]
    is_track = pl.col("evidence") == "track"
    return [pl.when(is_track).then(edge).otherwise(pl.col(edge.meta.output_name())) for edge in edges]


def _point_kind(policy: Policy) -> pl.Expr:
    """Return the kind of each object's point under the box policy."""
    if policy == "published":
        return pl.lit("box_centre")
    return (
        pl.when(pl.col("cx").is_null())
        .then(pl.lit("box_centre"))
        .when("centroid_inside")
        .then(pl.lit("centroid"))
        .otherwise(pl.lit("interior"))
    )


def _point_coordinate(axis: Literal["x", "y"]) -> pl.Expr:
    kind = pl.col("point_kind")
    return (
        pl.when(kind == "centroid")
        .then(pl.col(f"c{axis}"))
        .when(kind == "interior")
        .then(pl.col(f"i{axis}"))
        .otherwise((pl.col(f"{axis}1") + pl.col(f"{axis}2")) / 2)
    )
