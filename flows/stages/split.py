"""Stage ``split``: every kept image in one split, whole groups together."""

import polars as pl

from expectations.references import references_hold
from flows.recipe import Recipe
from flows.stage import Build, Inputs, Output, Rules, Tables
from flows.stages.kept import all_used, kept_images
from transforms.split import assign_splits


def split_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Every kept image in one split, whole groups together."""
    images = kept_images(inputs)
    splits = assign_splits(
        images,
        inputs.read("samples"),
        inputs.read("duplicates"),
        fractions=build.recipe.splits.fractions,
        seed=build.recipe.seed,
    )
    return all_used(images, {"splits": splits})


def split_rules(tables: Tables, inputs: Inputs) -> Rules:
    """No group is divided, and every kept image has its split."""
    divided = tables["splits"].group_by("group_id").agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
    return {
        "groups_undivided": (divided.is_empty(), f"{divided.height} groups are in more than one split"),
        "every_image_has_a_split": references_hold(kept_images(inputs), "sample_id", tables["splits"], "sample_id"),
    }


def split_parameters(recipe: Recipe) -> object:
    """The part of the recipe that the splits depend on."""
    return {"fractions": dict(recipe.splits.fractions), "seed": recipe.seed}
