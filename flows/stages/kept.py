"""The images that stay after corrections and deduplication, and their regions as corrected: what later stages read."""

import polars as pl

from medmultipoints.flows.engine.stage import Inputs, Output, Tables
from medmultipoints.transforms.audit.corrections import correct_regions


def releasable_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the images that no reviewer excluded, nobody withdrew, and no privacy policy holds back."""
    return without(without(inputs.scan("images"), inputs.scan("correct.exclusions")), inputs.scan("text.exclusions"))


def kept_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the releasable images that are no copies."""
    return without(releasable_images(inputs), inputs.scan("duplicates"))


def split_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the kept images that are in a split: without the smaller twins, where the recipe drops them."""
    return without(kept_images(inputs), inputs.scan("split.exclusions"))


def without(table: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of a table about images that another table does not name."""
    return table.join(others.select("sample_id"), on="sample_id", how="anti", maintain_order="left")


def rows_of(images: pl.DataFrame, table: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a table that are about those images, in its order; no others are held in memory."""
    wanted = images.lazy().select("sample_id")
    return table.join(wanted, on="sample_id", how="semi", maintain_order="left").collect(engine="streaming")


def corrected_regions(inputs: Inputs) -> pl.LazyFrame:
    """Return the regions of all images as reviewers want them; only those of corrected images are read at once."""
    regions, corrections = inputs.scan("regions"), inputs.read("corrections")
    if corrections.is_empty():
        return regions
    images = rows_of(corrections, inputs.scan("images"))
    corrected = correct_regions(rows_of(images, regions), images, corrections)
    return without(regions, images.lazy()).merge_sorted(corrected.lazy(), key="region_id")


def all_used(images: pl.DataFrame, tables: Tables) -> Output:
    """Return the output of a stage that uses every image it is given."""
    keys = images["sample_id"].to_list()
    return Output(inputs=keys, used={key: key for key in keys}, tables=tables)
