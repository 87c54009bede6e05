"""The images that stay after deduplication: the input of every later stage about images."""

import polars as pl

from flows.stage import Inputs, Output, Tables


def kept_images(inputs: Inputs) -> pl.DataFrame:
    """The images that are no copies."""
    return inputs.read("images").join(inputs.read("duplicates"), on="sample_id", how="anti")


def all_used(images: pl.DataFrame, tables: Tables) -> Output:
    """The output of a stage that uses every image it is given."""
    keys = images["sample_id"].to_list()
    return Output(inputs=keys, used={key: key for key in keys}, tables=tables)
