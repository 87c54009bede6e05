"""Report pictures left out as copies of another source's pictures; the first source of the recipe is kept."""

import polars as pl


def note_copies(duplicates: pl.DataFrame, images: pl.DataFrame, regions: pl.DataFrame) -> list[str]:
    """Return a sentence for each source with pictures left out as copies of another source's.

    ``images``: sample_id and source of all images read; ``regions``: sample_id, evidence and label. Objects are lost if
    the kept picture has none of their label.
    """
    source = images.select("sample_id", "source")
    kept = source.select(kept_id="sample_id", kept_source="source")
    copies = duplicates.join(source, on="sample_id").join(kept, on="kept_id")
    copies = copies.filter(pl.col("source") != pl.col("kept_source"))
    lost = _lost_objects(copies, regions)
    notes = []
    for name in copies["source"].unique().sort():
        own = copies.filter(source=name)
        others = " and ".join(own["kept_source"].unique().sort())
        total = images.filter(source=name).height
        share = f"all {total:,} pictures" if own.height == total else f"{own.height:,} of {total:,} pictures"
        objects = lost.filter(source=name).group_by("label").agg(pl.col("objects").sum()).sort("label").rows()
        counted = ", ".join(f"{label} {count:,}" for label, count in objects)
        also = f", and with them objects that these do not have: {counted}" if objects else ""
        notes.append(f"{name}: {share} are left out as copies of pictures of {others}{also}")
    return notes


def _lost_objects(copies: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Return source, label and number of objects of each copy for the labels missing in the kept picture."""
    counts = regions.group_by("sample_id", "label", "evidence").len("objects")
    most = counts.group_by("sample_id", "label").agg(pl.col("objects").max())
    held = most.select(kept_id="sample_id", label="label")
    return copies.join(most, on="sample_id").join(held, on=["kept_id", "label"], how="anti")
