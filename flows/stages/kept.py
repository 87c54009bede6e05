"""The images that stay after corrections and deduplication, and their regions as corrected: what later stages read."""

import polars as pl

from medmultipoints.flows.engine.stage import Inputs, Output, Tables
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.audit.corrections import correct_regions
from medmultipoints.transforms.columns.tables import column_names


def releasable_images(inputs: Inputs) -> pl.LazyFrame:
    """The images that no reviewer excluded, nobody withdrew, and no privacy policy holds back."""
    return _without(_without(inputs.scan("images"), inputs.scan("correct.exclusions")), inputs.scan("text.exclusions"))


def kept_images(inputs: Inputs) -> pl.LazyFrame:
    """The releasable images that are no copies."""
    return _without(releasable_images(inputs), inputs.scan("duplicates"))


def released_images(inputs: Inputs) -> pl.LazyFrame:
    """The kept images as they are released: redacted with their new file, without those that cannot be redacted."""
    kept = _without(kept_images(inputs), inputs.scan("redact.exclusions"))
    names = column_names("redactions", "replaces")
    new = inputs.scan("redactions").select("sample_id", *(pl.col(name).alias(f"new_{name}") for name in names))
    filled = kept.join(new, on="sample_id", how="left", maintain_order="left")
    origin = pl.when(pl.col("new_stored_sha256").is_null()).then("image_origin").otherwise(pl.lit("redacted"))
    changed = {name: pl.coalesce(f"new_{name}", name) for name in names}
    return filled.with_columns(image_origin=origin, **changed).drop(f"new_{name}" for name in names)


def _without(table: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
    return table.join(others.select("sample_id"), on="sample_id", how="anti", maintain_order="left")


def rows_of(images: pl.DataFrame, table: pl.LazyFrame) -> pl.DataFrame:
    """The rows of a table that are about those images, in its order; no others are held in memory."""
    wanted = images.lazy().select("sample_id")
    return table.join(wanted, on="sample_id", how="semi", maintain_order="left").collect(engine="streaming")


def corrected_regions(inputs: Inputs) -> pl.LazyFrame:
    """The regions of all images as reviewers want them; only those of corrected images are read at once."""
    regions, corrections = inputs.scan("regions"), inputs.read("corrections")
    if corrections.is_empty():
        return regions
    images = rows_of(corrections, inputs.scan("images"))
    corrected = correct_regions(rows_of(images, regions), images, corrections)
    return _without(regions, images.lazy()).merge_sorted(corrected.lazy(), key="region_id")


def all_used(images: pl.DataFrame, tables: Tables) -> Output:
    """The output of a stage that uses every image it is given."""
    keys = images["sample_id"].to_list()
    return Output(inputs=keys, used={key: key for key in keys}, tables=tables)


def released_names(recipe: Recipe, inputs: Inputs) -> dict[str, str]:
    """Return the released label of each label of the sources; labels that are not in it are left out."""
    names = dict(recipe.labels.names)
    if recipe.labels.others == "keep":
        certain = inputs.scan("samples").select(label="labels_exhaustive").explode("label").drop_nulls()
        for table in (inputs.scan("regions").select("label"), certain):
            found = table.unique().collect(engine="streaming")["label"].sort()
            names |= {label: label for label in found if label not in names}
    return names
