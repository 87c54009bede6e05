"""Compare the tables of a release with each other; each check yields one sentence per problem."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.masks.run_lengths import area_of_rle
from medmultipoints.transforms.rasters.source_pictures import UNCHANGED
from medmultipoints.transforms.records import SIDES

BORDER_PX = 1.0
"""Distance of a cut object from the border that resizing may leave."""
LISTS = tuple(name for name in column_names("records", "of_objects") if name != "count")


def check_keys(tables: Tables) -> Iterator[str]:
    """Check that every key occurs once, and image keys once by sample and once by content."""
    keyed = (("records", "record_id"), ("objects", "object_id"), ("images", "sample_id"), ("images", "image_sha256"))
    for table, key in (*keyed, ("instructions", "instruction_id")):
        column = getattr(tables, table)[key]
        yield from (f"{table}: {key} {value} occurs twice" for value in _ids(column.filter(column.is_duplicated())))


def check_references(tables: Tables) -> Iterator[str]:
    """Check that every row has the rows it refers to, in the same split: records, images, objects and instructions."""
    pairs = (
        ("records", ["sample_id", "image_sha256", "split"], "images"),
        ("images", ["sample_id", "image_sha256", "split"], "records"),
        ("objects", ["record_id", "sample_id", "image_sha256", "label", "split"], "records"),
        ("instructions", ["record_id", "split"], "records"),
    )
    for table, keys, target in pairs:
        lost = getattr(tables, table).join(getattr(tables, target), on=keys, how="anti")
        name = {"objects": "object_id", "images": "sample_id"}.get(table, "record_id")
        yield from (f"{table}: {value} has no row in {target} with its {', '.join(keys)}" for value in lost[name])


def check_lengths(tables: Tables) -> Iterator[str]:
    """Check that the count of a record is the length of each of its lists."""
    for name in LISTS:
        wrong = tables.records.filter(pl.col(name).list.len() != pl.col("count"))
        for record_id, count, length in wrong.select("record_id", "count", pl.col(name).list.len()).iter_rows():
            yield f"{record_id}: count is {count}, {name} has {length}"


def check_objects(tables: Tables) -> Iterator[str]:
    """Check that the lists of a record equal the objects table, object by object."""
    listed, stated = _listed_objects(tables.records), _stated_objects(tables.objects)
    if listed["object_id"].to_list() != stated["object_id"].to_list():
        missing, extra = set(listed["object_id"]) - set(stated["object_id"]), set(stated["object_id"])
        yield from (f"objects: {one} of a record has no row" for one in sorted(missing))
        yield from (f"objects: {one} is in no record" for one in sorted(extra - set(listed["object_id"])))
        yield from () if missing or extra - set(listed["object_id"]) else ("objects: ids repeat or are out of order",)
        return
    numbered = tables.objects.sort("record_id", "index").with_columns(place=pl.int_range(pl.len()).over("record_id"))
    wrong = numbered.filter(pl.col("index") != pl.col("place"))["object_id"]
    yield from (f"{one}: index is not its place in the lists of its record" for one in wrong)
    for name in listed.columns[1:]:
        for place in np.flatnonzero(_differs(listed[name], stated[name]))[:1000]:
            row = int(place)
            yield f"{listed['object_id'][row]}: {name} is {listed[name][row]} in its record, {stated[name][row]}"


def _listed_objects(records: pl.DataFrame) -> pl.DataFrame:
    """Return one row per object from the lists of the records."""
    rows = records.filter(pl.col("count") > 0).sort("record_id").select(LISTS).explode(LISTS)
    box = [pl.col("bbox").list.get(side).alias(name) for side, name in enumerate(SIDES)]
    return rows.select(
        pl.col("object_ids").alias("object_id"),
        *box,
        *_pair("points", "x", "y"),
        pl.col("point_kind"),
        *_pair("centroids", "cx", "cy"),
        *_pair("interior_points", "ix", "iy"),
        pl.col("track_ids").alias("track_id"),
        pl.col("evidence"),
    )


def _pair(name: str, x: str, y: str) -> tuple[pl.Expr, pl.Expr]:
    return (
        pl.col(name).list.get(0, null_on_oob=True).alias(x),
        pl.col(name).list.get(1, null_on_oob=True).alias(y),
    )


def _stated_objects(objects: pl.DataFrame) -> pl.DataFrame:
    """Return the same columns from the objects table; the point is recomputed from its kind."""
    centre = {"x": (pl.col("x1") + pl.col("x2")) / 2, "y": (pl.col("y1") + pl.col("y2")) / 2}
    kind = pl.col("point_kind")
    point = [
        pl.when(kind == "centroid")
        .then(f"c{axis}")
        .when(kind == "interior")
        .then(f"i{axis}")
        .otherwise(middle)
        .alias(axis)
        for axis, middle in centre.items()
    ]
    names = ("point_kind", "cx", "cy", "ix", "iy")
    ordered = objects.sort("record_id", "index").with_columns(pl.col("track_id").fill_null(""))
    return ordered.select("object_id", *SIDES, *point, *names, "track_id", "evidence")


def _differs(listed: pl.Series, stated: pl.Series) -> NDArray[np.bool_]:
    """Return a mask of rows that differ by more than float32 rounding, which lists of boxes and points have."""
    if not listed.dtype.is_float():
        return np.asarray(listed.ne_missing(stated).to_numpy(), np.bool_)
    left, right = (values.cast(pl.Float64).to_numpy() for values in (listed, stated))
    slack = 0.0 if listed.dtype == pl.Float64 else np.spacing(np.abs(right).astype(np.float32)).astype(np.float64)
    wrong: NDArray[np.bool_] = ~((np.abs(left - right) <= slack) | (np.isnan(left) & np.isnan(right)))
    return wrong


def check_sizes(tables: Tables) -> Iterator[str]:
    """Check sizes, scale and hashes of a record against its image; an unchanged picture has the source's hash."""
    image = tables.images.select(
        "sample_id",
        pl.concat_list("width", "height").alias("img_size_i"),
        pl.concat_list("original_width", "original_height").alias("original_size_i"),
        pl.col("scale").alias("scale_i"),
        pl.col("stored_sha256").alias("stored_sha256_i"),
    )
    both = tables.records.join(image, on="sample_id")
    for name in ("img_size", "original_size", "scale", "stored_sha256"):
        same = pl.col(name).cast(both.schema[f"{name}_i"]).eq_missing(pl.col(f"{name}_i"))
        yield from (f"{one}: {name} differs from the images table" for one in both.filter(~same)["record_id"])
    untouched = UNCHANGED
    if "orientation_done" in tables.images.columns:  # releases before version 2 lack the column
        untouched &= pl.col("orientation_done").is_null()
    changed = tables.images.filter(untouched & (pl.col("stored_sha256") != pl.col("image_sha256")))
    yield from (f"{one}: not resized, yet stored_sha256 is not image_sha256" for one in changed["sample_id"])


def check_facts(tables: Tables) -> Iterator[str]:
    """Yield a sentence for each column of records that its image has, too, with another value."""
    shared = [name for name in tables.records.columns if name in tables.images.columns and name != "sample_id"]
    both = tables.records.join(tables.images.select("sample_id", *shared), on="sample_id", suffix="_i")
    for name in shared:
        wrong = both.filter(~pl.col(name).eq_missing(pl.col(f"{name}_i")))
        yield from (f"{one}: {name} differs from the images table" for one in wrong["record_id"])


def check_areas(tables: Tables) -> Iterator[str]:
    """Yield a sentence for each object whose mask has another area than stated, or that no border cuts as stated."""
    masks = tables.objects.filter(pl.col("rle").is_not_null())
    for object_id, stated, rle in masks.select("object_id", "area_px", "rle").iter_rows():
        if (area := area_of_rle(rle)) != stated:
            yield f"{object_id}: area_px is {stated}, its mask has {area} pixels"
    yield from _false_borders(tables)


def _false_borders(tables: Tables) -> Iterator[str]:
    """Yield a sentence for each object that is stated to be cut by the border but does not reach it.

    The other way round holds for masks of pictures that were not resized: those that reach it are stated to be cut.
    """
    sizes = tables.images.select("sample_id", "width", "height", scaled="scale").unique("sample_id")
    sized = tables.objects.join(sizes, on="sample_id")
    least, right, below = pl.min_horizontal("x1", "y1"), pl.col("width") - pl.col("x2"), pl.col("height") - pl.col("y2")
    gap = pl.min_horizontal(least, right, below)
    wrong = sized.filter(pl.col("truncated") & (gap > BORDER_PX))["object_id"]
    yield from (f"{one}: truncated, but it does not reach the border" for one in wrong)
    whole = (pl.col("evidence") == "mask") & (pl.col("scaled") == 1) & ~pl.col("truncated")
    missed = sized.filter(whole & (gap <= 0))["object_id"]
    yield from (f"{one}: not truncated, but it reaches the border" for one in missed)


def check_absence(tables: Tables) -> Iterator[str]:
    """Check that a record with count 0 exists only if the image's labels are exhaustive for its label."""
    empty = tables.records.filter(pl.col("count") == 0).join(
        tables.images.select("sample_id", "labels_exhaustive"), on="sample_id"
    )
    doubtful = empty.filter(~pl.col("labels_exhaustive").list.contains(pl.col("label")))
    yield from (f"{one}: count 0, but absence of the label is not certain" for one in doubtful["record_id"])


def check_splits(tables: Tables) -> Iterator[str]:
    """Check that no group of images and no source picture is in two splits."""
    for key in ("group_id", "luma_blake3"):
        spread = tables.images.group_by(key).agg(pl.col("split").unique().sort()).filter(pl.col("split").list.len() > 1)
        for value, splits in spread.sort(key).iter_rows():
            yield f"{key} {value} is in the splits {', '.join(splits)}"


def _ids(column: pl.Series) -> list[str]:
    return sorted(set(column.to_list()))


TABLE_CHECKS: Mapping[str, Callable[[Tables], Iterator[str]]] = {
    "keys_unique": check_keys,
    "references": check_references,
    "counts": check_lengths,
    "objects": check_objects,
    "sizes": check_sizes,
    "facts": check_facts,
    "areas": check_areas,
    "absence": check_absence,
    "splits_disjoint": check_splits,
}
