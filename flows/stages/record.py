"""Stage ``record``: the rows of the release, one per (image, label), with objects and images beside them."""

from typing import Any

import polars as pl

from data_lake.catalogue import load_catalogue
from expectations.references import references_hold
from flows.recipe import Recipe
from flows.stage import Build, Inputs, Output, Rules, Tables
from flows.stages.kept import corrected_regions, kept_images
from flows.stages.yielding import require_every_source
from transforms.compose import compose_records
from transforms.records import Exclusion


def record_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Records, objects and released images under the recipe's policy."""
    recipe, images = build.recipe, kept_images(inputs)
    composed = compose_records(
        inputs.read("samples"),
        images,
        corrected_regions(inputs),
        inputs.read("splits"),
        inputs.read("duplicates"),
        policy=recipe.boxes.policy,
        labels=dict(recipe.labels.names),
        track_rounding=recipe.boxes.track_rounding,
        zero_counts=recipe.labels.zero_counts,
        licences={source.name: source.info.licence for source in build.sources},
    )
    used = composed.released_images["sample_id"].to_list()
    return Output(
        inputs=images["sample_id"].to_list(),
        used={key: key for key in used},
        tables={
            "records": composed.records,
            "objects": composed.objects,
            "released_images": composed.released_images,
        },
        exclusions=[Exclusion(**row) for row in composed.exclusions.iter_rows(named=True)],
    )


def record_rules(tables: Tables, inputs: Inputs) -> Rules:
    """Objects have records, records have images, and every count is the number of its objects; no source is lost."""
    require_every_source(kept_images(inputs), tables["released_images"], tables["exclusions"])
    counted = tables["objects"].group_by("record_id").agg(pl.len().alias("objects"))
    wrong = (
        tables["records"]
        .join(counted, on="record_id", how="left")
        .filter(pl.col("count") != pl.col("objects").fill_null(0))
    )
    return {
        "objects_have_records": references_hold(tables["objects"], "record_id", tables["records"], "record_id"),
        "records_have_images": references_hold(tables["records"], "sample_id", tables["released_images"], "sample_id"),
        "counts_are_objects": (wrong.is_empty(), f"{wrong.height} records count other than their objects"),
    }


def record_parameters(recipe: Recipe) -> object:
    """The part of the recipe that this stage depends on."""
    return {
        "policy": recipe.boxes.policy,
        "track_rounding": recipe.boxes.track_rounding,
        "labels": recipe.labels.model_dump(),
    }


def record_suite(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Published boxes are grown and scaled and have a suite of their own; labels are those of the recipe."""
    return {"records": {"variant": recipe.boxes.policy, "labels": sorted(set(recipe.labels.names.values()))}}


def record_data() -> object:
    """The licences that the catalogue states: each row carries its own."""
    return {name: info.licence for name, info in load_catalogue().items()}
