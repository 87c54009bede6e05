"""Report pictures left out as copies of others, and the objects that are lost with them."""

import polars as pl

from medmultipoints.transforms.compose.policy import STRENGTH
from medmultipoints.transforms.records import SIDES
from medmultipoints.transforms.reporting.counted import plural

SAME_OBJECT = 0.5
"""Two objects of one label whose boxes have this intersection over union are the same one."""


def note_copies(duplicates: pl.DataFrame, images: pl.DataFrame, regions: pl.DataFrame) -> list[str]:
    """Return a sentence for each source with pictures left out as copies: of another source's, or with lost objects.

    ``images``: sample_id and source of all images read; ``regions``: sample_id, evidence, label and sides. An object is
    lost if the kept picture has none of its label with an intersection over union of ``SAME_OBJECT``.
    """
    source = images.select("sample_id", "source")
    kept = source.select(kept_id="sample_id", kept_source="source")
    copies = duplicates.join(source, on="sample_id").join(kept, on="kept_id")
    copies = copies.with_columns(within=pl.col("source") == pl.col("kept_source"))
    lost = _lost_objects(copies, regions)
    notes = []
    for name, within in copies.select("source", "within").unique().sort("source", "within").rows():
        own, objects = (table.filter(source=name, within=within) for table in (copies, lost))
        if not within or objects.height:
            others = " and ".join(own["kept_source"].unique().sort())
            share = f"{own.height:,} of {plural(images.filter(source=name).height, 'picture')}"
            notes.append(f"{name}: {share} left out as copies of pictures of {others}{_name_lost(objects)}")
    return notes


def _name_lost(objects: pl.DataFrame) -> str:
    """Return the end of the sentence: the lost objects by label."""
    counts = objects.group_by("label").len("objects").sort("label").rows()
    counted = ", ".join(f"{label} {count:,}" for label, count in counts)
    return f", and with them objects that the kept ones lack: {counted}" if counts else ""


def _lost_objects(copies: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Return source, ``within``, label and box of each object of a copy that the kept picture does not have."""
    own = _objects_by_most_evidence(regions.join(copies, on="sample_id", how="semi")).with_row_index("object")
    own = own.join(copies.select("sample_id", "kept_id", "source", "within"), on="sample_id")
    held = regions.select("sample_id", "label", *SIDES).rename({"sample_id": "kept_id"})
    held = held.rename({side: f"{side}_kept" for side in SIDES})
    found = own.join(held, on=["kept_id", "label"]).filter(_iou() >= SAME_OBJECT)
    return own.join(found, on="object", how="anti")


def _objects_by_most_evidence(regions: pl.DataFrame) -> pl.DataFrame:
    """Return the regions of that evidence of which an image has most of a label; of two the stronger."""
    counts = regions.group_by("sample_id", "label", "evidence").len("objects")
    ranked = counts.sort(-pl.col("objects").cast(pl.Int64), pl.col("evidence").replace_strict(STRENGTH), "evidence")
    chosen = ranked.unique(["sample_id", "label"], keep="first", maintain_order=True)
    return regions.join(chosen, on=["sample_id", "label", "evidence"], how="semi")


def _iou() -> pl.Expr:
    """Return the intersection over union of the sides with those named ``_kept``."""
    x1, y1, x2, y2 = (pl.col(side) for side in SIDES)
    kept_x1, kept_y1, kept_x2, kept_y2 = (pl.col(f"{side}_kept") for side in SIDES)
    width = pl.min_horizontal(x2, kept_x2) - pl.max_horizontal(x1, kept_x1)
    height = pl.min_horizontal(y2, kept_y2) - pl.max_horizontal(y1, kept_y1)
    both = width.clip(0) * height.clip(0)
    return both / ((x2 - x1) * (y2 - y1) + (kept_x2 - kept_x1) * (kept_y2 - kept_y1) - both)
