"""The images that stay after corrections and deduplication, and their regions as corrected: what later stages read."""

import polars as pl

from flows.stage import Inputs, Output, Tables
from transforms.corrections import correct_regions


def releasable_images(inputs: Inputs) -> pl.DataFrame:
    """The images that no reviewer excluded and nobody withdrew."""
    return inputs.read("images").join(inputs.read("correct.exclusions"), on="sample_id", how="anti")


def kept_images(inputs: Inputs) -> pl.DataFrame:
    """The releasable images that are no copies."""
    return releasable_images(inputs).join(inputs.read("duplicates"), on="sample_id", how="anti")


def corrected_regions(inputs: Inputs) -> pl.DataFrame:
    """The regions of all images as reviewers want them."""
    return correct_regions(inputs.read("regions"), inputs.read("images"), inputs.read("corrections"))


def all_used(images: pl.DataFrame, tables: Tables) -> Output:
    """The output of a stage that uses every image it is given."""
    keys = images["sample_id"].to_list()
    return Output(inputs=keys, used={key: key for key in keys}, tables=tables)
