"""Stage ``near``: find kept images that show the same picture with different pixels."""

import polars as pl

from medmultipoints.data_lake.store.images import open_album
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import all_used, kept_images
from medmultipoints.transforms.duplicates.near import near_tables
from medmultipoints.transforms.splits.groups import find_groups


def find_near_duplicates(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return near-duplicate pairs of images of different videos, and the histogram that justifies the threshold."""
    images = kept_images(inputs).select("sample_id", "source").collect(engine="streaming")
    members = find_groups(images, inputs.scan("samples"), inputs.read("duplicates"))
    with open_album(build.lake, inputs.parts("thumbnails")) as album:
        near, histogram = near_tables(members, album, build.recipe.splits.near_threshold)
    return all_used(images, {"near_duplicates": near, "near_distances": histogram})


def near_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that both images of every pair are kept and belong to different groups."""
    near, images = tables["near_duplicates"].collect(), kept_images(inputs)
    same = near.filter(pl.col("group_id") == pl.col("other_group")).height
    return {
        "first_images_are_kept": references_hold(near, "sample_id", images, "sample_id"),
        "second_images_are_kept": references_hold(near, "other_id", images, "sample_id"),
        "groups_differ": (same == 0, f"{same} pairs are of one group"),
    }


def near_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {"threshold": recipe.splits.near_threshold}


STAGE = Stage(
    name="near",
    work=find_near_duplicates,
    reads=("index", "derive", "text", "correct", "dedup"),
    writes=("near_duplicates", "near_distances"),
    parameters=near_parameters,
    rules=near_rules,
)
