"""Match reviewers' decisions with images and objects, and apply them.

An entry holds for the exact bytes that the reviewer saw: it names the image and its sha256, and for a single object
also the object's box. A decision that no longer matches is an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.audit.decisions import Correction, Withdrawal
from medmultipoints.transforms.columns.record_columns import region_columns
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.compose.policy import Policy, select_regions
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.masks.components import decode_rle, measure_mask
from medmultipoints.transforms.records import SIDES, Box, Region
from medmultipoints.transforms.regions.boxes import reaches_border

SHAPES: Final = ("replace_boxes", "replace_masks", "add_boxes", "add_masks")
"""Actions that add boxes or masks."""
SAME_PX = 0.5
"""Largest distance of sides, in pixels, at which a box identifies an object."""

CORRECTIONS = schema_of("corrections")


class CorrectionProblem(DataError):
    """A correction entry that does not match the data; the message names its file and number."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"corrections: {where}: {problem}. Look at the image again, then correct or remove the entry.")


def match_corrections(
    decisions: Iterable[Correction],
    images: pl.DataFrame,
    regions: pl.DataFrame,
    *,
    policy: Policy,
    labels: Mapping[str, str],
    own: Mapping[str, Policy] | None = None,
) -> pl.DataFrame:
    """Return the table ``corrections``: each decision with the regions it removes or renames.

    Raise CorrectionProblem if the image is missing or has other bytes, the object is not one that the policy uses, the
    label is not in ``labels``, a box exceeds the image, or two entries decide about the same object.
    """
    known = {row["sample_id"]: row for row in images.iter_rows(named=True)}
    used = select_regions(regions, policy, own)
    rows = [_match(number, entry, known, used, labels) for number, entry in enumerate(decisions)]
    _refuse_conflicts(rows)
    return pl.DataFrame(rows, schema=CORRECTIONS)


def find_withdrawn(
    withdrawals: Iterable[Withdrawal], images: pl.DataFrame, pixels: Mapping[str, str]
) -> dict[str, Withdrawal]:
    """Return the withdrawn images by sample_id: images with the same bytes or the same picture.

    ``pixels``: pixel_sha256 by sample_id, needed if a withdrawal gives one. If a withdrawal gives no hash of the
    picture, copies with other bytes are found only if its own file is among the images.
    """
    by_hash = {
        value: entry
        for entry in withdrawals
        for value in (entry.image_sha256, entry.luma_blake3, entry.pixel_sha256)
        if value
    }
    facts = images.select("sample_id", "image_sha256", "luma_blake3").rows()
    by_luma = {
        luma: by_hash[value]
        for sample_id, file, luma in facts
        for value in (file, luma, pixels.get(sample_id, ""))
        if value in by_hash
    }
    return {sample_id: by_luma[luma] for sample_id, _, luma in facts if luma in by_luma}


def complete_labels(corrections: pl.DataFrame) -> pl.DataFrame:
    """Return sample_id and label wherever a reviewer gave all objects of the label: the entry replaces them."""
    whole = pl.col("action").is_in(["replace_boxes", "replace_masks"]) & pl.col("object_id").is_null()
    return corrections.filter(whole).select("sample_id", "label").unique()


def partial_labels(corrections: pl.DataFrame) -> pl.DataFrame:
    """Return sample_id and label wherever reviewers added objects, and none of them said that there are no others."""
    added = corrections.filter(pl.col("action").is_in(["add_boxes", "add_masks"])).select("sample_id", "label").unique()
    return added.join(complete_labels(corrections), on=["sample_id", "label"], how="anti")


def correct_regions(regions: pl.DataFrame, images: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Return the regions after removing, renaming and replacing them as decided.

    Boxes from reviewers become regions of evidence ``correction``. Regions of corrected images are renumbered.
    """
    acts = corrections.filter(pl.col("action") != "accept")
    if acts.is_empty():
        return regions
    targets = acts.explode("region_ids").select("action", "label", region_id="region_ids").drop_nulls("region_id")
    gone = targets.filter(pl.col("action") != "set_label")
    named = dict(targets.filter(pl.col("action") == "set_label").select("region_id", "label").iter_rows())
    kept = regions.join(gone, on="region_id", how="anti").with_columns(
        label=pl.col("region_id").replace_strict(named, default=pl.col("label"), return_dtype=pl.String)
    )
    added = _added(acts.filter(pl.col("action").is_in(SHAPES)), images, regions)
    both = pl.concat([kept, added.select(kept.columns).cast(kept.schema)])
    return _numbered(both, acts["sample_id"].unique())


def _refuse_conflicts(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise CorrectionProblem if an object or a label's boxes have two decisions, or an excluded image has another."""
    seen: dict[object, Mapping[str, Any]] = {}
    excluded = {row["sample_id"]: row for row in rows if row["action"] == "exclude" and row["object_id"] is None}
    for row in rows:
        first = excluded.get(row["sample_id"], row)
        if first is not row:
            raise CorrectionProblem(row["where"], f"{first['where']} excludes the whole image")
        decided: list[object] = list(row["region_ids"])
        if row["action"] in ("replace_boxes", "replace_masks") and row["object_id"] is None:
            decided.append((row["sample_id"], row["label"]))
        for one in decided:
            if (first := seen.setdefault(one, row)) is not row:
                what = "object" if isinstance(one, str) else "label of the image"
                raise CorrectionProblem(row["where"], f"{first['where']} is about the same {what}")


def _match(
    number: int, entry: Correction, images: Mapping[str, Any], regions: pl.DataFrame, labels: Mapping[str, str]
) -> dict[str, Any]:
    """Return the row of the table ``corrections`` for one entry."""
    _check_image(entry, images.get(entry.image))
    if entry.label is not None and entry.action != "accept" and entry.label not in labels:
        known = ", ".join(labels)
        raise CorrectionProblem(entry.where, f"'{entry.label}' is not a label of the recipe, which has {known}")
    pins = [entry.box] if entry.action == "accept" and entry.box else []
    return {
        "correction_id": f"{number:05d}",
        **{name: getattr(entry, name) for name in ("where", "image_sha256", "action", "kind", "label")},
        **{name: getattr(entry, name) for name in ("reason", "reviewer", "date")},
        "sample_id": entry.image,
        "object_id": entry.object,
        "boxes": [list(box) for box in (*entry.boxes, *pins)],
        "masks": list(entry.rles),
        "region_ids": _targets(entry, regions.filter(pl.col("sample_id") == entry.image)),
    }


def _check_image(entry: Correction, image: Mapping[str, Any] | None) -> None:
    """Raise CorrectionProblem if the image is missing or has other bytes, or if boxes or masks do not fit it."""
    if image is None:
        raise CorrectionProblem(entry.where, f"{entry.image} is not an image of this build")
    if image["image_sha256"] != entry.image_sha256:
        problem = f"{entry.image} now has the sha256 {image['image_sha256']}, the entry is about {entry.image_sha256}"
        raise CorrectionProblem(entry.where, problem)
    width, height = image["original_width"], image["original_height"]
    for x1, y1, x2, y2 in entry.boxes:
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
            raise CorrectionProblem(entry.where, f"the box {x1, y1, x2, y2} is not inside the {width}x{height} image")
    if entry.mask_size is not None and tuple(entry.mask_size) != (width, height):
        size = "{}x{}".format(*entry.mask_size)
        raise CorrectionProblem(entry.where, f"its masks are {size} px, the image is {width}x{height} px")


def _targets(entry: Correction, own: pl.DataFrame) -> list[str]:
    """Return the regions that the entry removes or renames: one object, all of a label, or all of the image."""
    if entry.action in ("accept", "add_boxes", "add_masks") or (entry.action == "exclude" and entry.object is None):
        return []
    if entry.object is not None and entry.box is not None:
        if not entry.object.startswith(f"{entry.image_sha256}:"):
            raise CorrectionProblem(entry.where, f"{entry.object} is not an object of the image {entry.image_sha256}")
        near = [(pl.col(name) - side).abs() <= SAME_PX for name, side in zip(SIDES, entry.box, strict=True)]
        at_box = own.filter(pl.all_horizontal(near))
        alike = at_box.filter(pl.col("label") == entry.object.removeprefix(f"{entry.image_sha256}:").rpartition(":")[0])
        found = (alike if alike.height == 1 else at_box)["region_id"].to_list()
        if len(found) != 1:
            raise CorrectionProblem(entry.where, f"{len(found)} objects of {entry.image} have the box {entry.box}")
        return found
    chosen = own.filter(pl.col("label") == entry.label) if entry.action in SHAPES else own
    if entry.action == "set_label" and chosen.is_empty():
        raise CorrectionProblem(entry.where, f"{entry.image} has no object to rename")
    return chosen["region_id"].to_list()


def _added(acts: pl.DataFrame, images: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Return one region per box or mask from reviewers; a box that replaces a tracked object keeps its track."""
    tracks = dict(regions.select("region_id", "track_id").iter_rows())
    sizes = {row[0]: row[1:] for row in images.select("sample_id", "original_width", "original_height").iter_rows()}
    found: list[Region] = []
    for act in acts.iter_rows(named=True):
        width, height = sizes[act["sample_id"]]
        shapes = [
            *(box_region(Box(*box), width, height) for box in act["boxes"]),
            *(measure_mask(decode_rle(rle, height, width)) for rle in act["masks"]),
        ]
        single = len(shapes) == len(act["region_ids"]) == 1
        track = tracks[act["region_ids"][0]] if single else None
        known = {"sample_id": act["sample_id"], "evidence": "correction", "label": act["label"], "track_id": track}
        found += [replace(shape, **known, index=len(found) + place) for place, shape in enumerate(shapes)]
    columns = region_columns(found)
    columns["source"] = [region.sample_id.split("/")[0] for region in found]
    columns["image_width"], columns["image_height"] = ([sizes[one.sample_id][axis] for one in found] for axis in (0, 1))
    return pl.DataFrame(columns, schema_overrides=regions.schema).select(regions.columns)


def box_region(box: Box, width: int, height: int) -> Region:
    """Return a region that has only a box; the caller fills in sample and label."""
    cut = reaches_border(box, width, height)
    return Region(sample_id="", evidence="correction", label="", index=0, box=box, truncated=cut)


def _numbered(regions: pl.DataFrame, touched: pl.Series) -> pl.DataFrame:
    """Return the regions of ``touched`` images renumbered by index, box and old id."""
    own = regions.filter(pl.col("sample_id").is_in(touched.to_list()))
    ordered = own.sort("sample_id", "evidence", "label", "index", *SIDES, "region_id")
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("sample_id", "evidence", "label")
    fresh = ordered.with_columns(index=place).with_columns(
        region_id=pl.format("{}:{}:{}:{}", "sample_id", "evidence", "label", "index")
    )
    return pl.concat([regions.join(own.select("sample_id").unique(), on="sample_id", how="anti"), fresh]).sort(
        "region_id"
    )
