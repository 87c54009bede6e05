"""Find problems met while reading: frame-filling or tiny objects, slivers, contradicting copies, unusual files."""

import polars as pl

from medmultipoints.transforms.audit.box_findings import AGREES_PX, COVERS, SAME_OBJECT, SLIVER_PX
from medmultipoints.transforms.audit.conventions import MOST_PX
from medmultipoints.transforms.audit.findings import KEYS, as_findings, make_findings, of_rejected, without_box
from medmultipoints.transforms.masks.components import SPECK_PX
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.regions.framing import AROUND_SHARE, may_be_inverted

SEVERITIES = {
    "covers_frame": "warning",
    "extra": "error",
    "shifted": "warning",
    "sliver": "warning",
    "tiny_objects": "warning",
    "contradicting_copies": "warning",
    "not_rgb": "warning",
    "orientation_tag": "info",
}
KEPT = "boxes are kept as they are derived"
ACTIONS = {
    "covers_frame": "the object is kept, but no label of the image counts as exhaustive",
    "extra": "the stronger evidence of the annotation is used",
    "shifted": "the stronger evidence of the annotation is used",
    "tiny_objects": "the objects are kept; if they are not objects, set min_area_px in [read.masks] of a declared "
    "source, in [boxes] of another",
    "contradicting_copies": "the copy is left out; the label does not count as exhaustive",
    "not_rgb": "the file is kept as it is: readers convert it in different ways",
    "orientation_tag": "the released picture has the frame of its boxes in every reader",
}
MODELS = {
    "cmyk": "the file is CMYK, not RGB",
    "gray16": "the file has 16 bits of gray: readers that make it RGB cut it off at 255",
}
CUT_SLIVER_PX = 1.0
"""Width or height in pixels below which a box that is cut by the border, or not of a track, is a sliver."""
USUAL_PX = 10 * SPECK_PX
"""Least area of a label's largest object: a label of smaller objects alone marks points."""


def find_in_readings(
    images: pl.DataFrame,
    samples: pl.DataFrame,
    regions: pl.DataFrame,
    duplicates: pl.DataFrame,
    exclusions: pl.DataFrame,
    tiny: pl.DataFrame,
    known: pl.DataFrame,
) -> pl.DataFrame:
    """Return the findings about ``images``, their ``regions`` and copies, and about masks that derivation rejected.

    ``tiny`` are the rows of ``find_tiny_objects``, ``known`` the findings of the box comparison, which are not
    repeated.
    """
    own = regions.join(images.select("sample_id"), on="sample_id", how="semi")
    found = [
        _frames(own),
        _slivers(own),
        tiny,
        _contradicted_boxes(own),
        of_rejected(exclusions, "mask_inverted", "covers_frame"),  # white marks the background
        _contradictions(duplicates),
        _pictures(images, "not_rgb", pl.col("colour_model").is_in([*MODELS]), pl.col("colour_model").replace(MODELS)),
        _pictures(images, "orientation_tag", pl.col("orientation_done").is_not_null(), pl.col("orientation_done")),
    ]
    rows = pl.concat([one.select(KEYS) for one in found])
    rows = rows.join(known, on=["sample_id", "kind"], how="anti", maintain_order="left")
    made = make_findings(rows, images, samples, SEVERITIES, ACTIONS, KEPT)
    from_mask = pl.col("kind").is_in(["covers_frame", "tiny_objects"]) & pl.col("source_box").is_not_null()
    derived = pl.when(from_mask).then("source_box").otherwise("derived_box")
    source = pl.when(~from_mask).then("source_box")
    return as_findings(made.with_columns(derived_box=derived, source_box=source))


def _frames(regions: pl.DataFrame) -> pl.DataFrame:
    """Return mask objects that touch all four borders, fill nearly the whole frame, or surround a dark area."""
    width, height = pl.col("image_width"), pl.col("image_height")
    touches = (pl.col("x1") <= 0) & (pl.col("y1") <= 0) & (pl.col("x2") >= width) & (pl.col("y2") >= height)
    fills = (pl.col("x2") - pl.col("x1")) * (pl.col("y2") - pl.col("y1")) > COVERS * width * height
    covers = pl.format("the object touches all four borders or fills the frame: {} of {} px", "area_px", width * height)
    around = pl.format(
        "the object takes {} of {} px around a dark area: is the mask inverted?", "area_px", width * height
    )
    masks = regions.filter(pl.col("evidence") == "mask").with_columns(covers=touches | fills)
    large = masks.filter(~pl.col("covers") & (pl.col("area_px") > AROUND_SHARE * width * height))
    drawn = large.select("rle", "image_height", "image_width").rows()
    inverted = large.filter(pl.Series([may_be_inverted(decode_rle(*row)) for row in drawn], dtype=pl.Boolean))
    found = pl.concat([masks.filter("covers"), inverted])
    detail = pl.when("covers").then(covers).otherwise(around)
    return found.with_columns(kind=pl.lit("covers_frame"), source_box=pl.concat_list(SIDES), detail=detail)


def _slivers(regions: pl.DataFrame) -> pl.DataFrame:
    """Return source boxes that are too thin to be an object; the limit is lower for boxes cut by the border."""
    side = pl.min_horizontal(pl.col("x2") - pl.col("x1"), pl.col("y2") - pl.col("y1"))
    is_track = pl.col("evidence") == "track"
    thin = side < pl.when(is_track & ~pl.col("truncated")).then(SLIVER_PX).otherwise(CUT_SLIVER_PX)
    found = regions.filter(pl.col("evidence").is_in(["track", "box"]) & thin)
    track = pl.format("track {}", pl.col("track_id").fill_null("without id"))
    named = pl.when(is_track).then(track).otherwise(pl.col("object_key"))
    detail = pl.format("{}: {} px wide or high", named, side.round(4))
    return found.with_columns(kind=pl.lit("sliver"), source_box=pl.concat_list(SIDES), detail=detail)


def find_tiny_objects(regions: pl.LazyFrame) -> pl.DataFrame:
    """Return a row (``KEYS``) per source and label whose masks hold larger objects and ones of a few pixels.

    The finding is about the image with most small objects, and shows the first of them.
    """
    masks, keys = regions.filter(pl.col("evidence") == "mask"), ["source", "label"]
    small, largest = pl.col("area_px") <= SPECK_PX, pl.col("area_px").max()
    counted = masks.group_by(keys).agg(
        largest.alias("largest"), tiny=small.sum(), all=pl.len(), images=pl.col("sample_id").filter(small).n_unique()
    )
    marked = counted.filter(pl.col("largest") >= USUAL_PX, pl.col("tiny") > 0).collect(engine="streaming")
    specks = (
        masks.filter(small).join(marked.lazy(), on=keys, how="semi").select("region_id", "sample_id", *keys, *SIDES)
    )
    own = specks.collect(engine="streaming").sort("region_id").group_by(*keys, "sample_id", maintain_order=True)
    most = own.agg(pl.len().alias("here"), pl.col(SIDES).first()).sort("here", "sample_id", descending=[True, False])
    found = most.group_by(keys, maintain_order=True).first().join(marked, on=keys, maintain_order="left")
    text = "{} of {} objects of this label in {} have at most {} pixels, {} of them here; images with such objects: {}"
    return found.select(
        "sample_id",
        "label",
        kind=pl.lit("tiny_objects"),
        source_box=pl.concat_list(SIDES),
        detail=pl.format(text, "tiny", "all", "source", pl.lit(SPECK_PX), "here", "images"),
    ).select(KEYS)


def _contradicted_boxes(regions: pl.DataFrame) -> pl.DataFrame:
    """Return source boxes that disagree with the outline or mask of their annotation by more than a convention."""
    stated = regions.filter(pl.col("evidence").is_in(["box", "track"]) & pl.col("object_key").is_not_null())
    drawn = regions.filter(pl.col("evidence").is_in(["polygon", "mask"]))
    keys, sides = ["sample_id", "label", "object_key"], {side: f"drawn_{side}" for side in SIDES}
    pairs = stated.join(drawn.select(*keys, **{new: side for side, new in sides.items()}), on=keys)
    apart = pl.max_horizontal((pl.col(side) - pl.col(new)).abs() for side, new in sides.items())
    found = pairs.filter(apart > AGREES_PX + MOST_PX)
    boxes = zip(found.select(SIDES).iter_rows(), found.select(*sides.values()).iter_rows(), strict=True)
    overlaps = pl.Series([iou(Box(*one), Box(*other)) for one, other in boxes], dtype=pl.Float64)
    shape = pl.concat_list(pl.col(new).round(1).cast(pl.String) for new in sides.values()).list.join(", ")
    return found.with_columns(
        kind=pl.when(overlaps < SAME_OBJECT).then(pl.lit("extra")).otherwise(pl.lit("shifted")),
        source_box=pl.concat_list(SIDES),
        detail=pl.format("{}: its outline has the box {}, overlap {}", "object_key", shape, overlaps.round(2)),
    )


def _contradictions(duplicates: pl.DataFrame) -> pl.DataFrame:
    """Return kept images with a copy that has other objects of a label that both know, or other labels of one."""
    labels = pl.col("contradicted_labels")
    found = duplicates.select("kept_id", "sample_id", label=labels, all=labels.list.join(", ")).explode("label")
    found = found.drop_nulls("label")
    detail = pl.format("{} shows the same picture with other objects of {}", "sample_id", "all")
    named = found.select("label", sample_id="kept_id", detail=detail)
    return without_box(named.with_columns(kind=pl.lit("contradicting_copies")))


def _pictures(images: pl.DataFrame, kind: str, rule: pl.Expr, detail: pl.Expr) -> pl.DataFrame:
    return without_box(images.filter(rule).with_columns(kind=pl.lit(kind), label=pl.lit(""), detail=detail))
