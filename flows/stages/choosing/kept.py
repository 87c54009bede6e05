"""Read the images that stay after corrections and deduplication, and their corrected regions."""

import polars as pl

from medmultipoints.flows.engine.stage import Inputs, Output, Tables
from medmultipoints.transforms.audit.corrections import correct_regions


def releasable_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the images that are neither excluded by a reviewer, nor withdrawn, nor held back for privacy."""
    return without(without(inputs.scan("images"), inputs.scan("correct.exclusions")), inputs.scan("text.exclusions"))


def kept_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the releasable images that are not copies."""
    return without(releasable_images(inputs), inputs.scan("duplicates"))


def split_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the kept images that are in a split: without near-duplicates, if the recipe drops them."""
    return without(kept_images(inputs), inputs.scan("split.exclusions"))


def without(table: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of a table about images that another table does not contain."""
    return table.join(others.select("sample_id"), on="sample_id", how="anti", maintain_order="left")


def rows_of(images: pl.DataFrame, table: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a table about those images, in its order; no others are held in memory."""
    wanted = images.lazy().select("sample_id")
    return table.join(wanted, on="sample_id", how="semi", maintain_order="left").collect(engine="streaming")


def rows_of_few(images: pl.DataFrame, table: pl.LazyFrame) -> pl.DataFrame:
    """Return the same rows of few images: the reader leaves out the other columns of the others, in less memory.

    Files and groups of rows without any of these names are not read.
    """
    names, column = images["sample_id"], pl.col("sample_id")
    near = column.is_between(pl.lit(names.min(), pl.String), pl.lit(names.max(), pl.String))
    return table.filter(near & column.is_in(names.implode())).collect(engine="streaming")


def corrected_regions(inputs: Inputs) -> pl.LazyFrame:
    """Return the regions of all images after corrections; only those of corrected images are in memory."""
    regions, corrections = inputs.scan("regions"), inputs.read("corrections")
    if corrections.is_empty():
        return regions
    images = rows_of(corrections, inputs.scan("images"))
    corrected = correct_regions(rows_of(images, regions), images, corrections)
    return without(regions, images.lazy()).merge_sorted(corrected.lazy(), key="region_id")


def all_used(images: pl.DataFrame, tables: Tables) -> Output:
    """Return the output of a stage that uses every image."""
    used = images.select(key="sample_id", entity="sample_id")
    return Output(inputs=used["key"], used=used, tables=tables)
