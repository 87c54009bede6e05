"""Stage ``audit``: the source's boxes held against the boxes derived from masks, and near-duplicates as evidence."""

import polars as pl

from expectations.references import references_hold
from flows.recipe import Recipe
from flows.stage import Build, Inputs, Output, Rules, Tables
from flows.stages.kept import all_used, kept_images
from transforms.audit import audit_boxes, estimate_conventions
from transforms.near_findings import near_findings


def audit_labels(build: Build, inputs: Inputs, _shard: str) -> Output:
    """The source's boxes, their convention undone, held against the boxes derived from masks; near-duplicates."""
    images, samples, regions = kept_images(inputs), inputs.read("samples"), inputs.read("regions")
    conventions = estimate_conventions(images, regions)
    boxes = audit_boxes(
        images,
        samples,
        regions,
        inputs.read("specks"),
        policy=build.recipe.boxes.policy,
        conventions=conventions,
    )
    near = near_findings(inputs.read("near_duplicates"), images, samples)
    return all_used(images, {"disagreements": pl.concat([boxes, near]), "conventions": conventions})


def audit_rules(tables: Tables, inputs: Inputs) -> Rules:
    """Every finding is about a kept image."""
    return {
        "findings_have_images": references_hold(tables["disagreements"], "sample_id", kept_images(inputs), "sample_id")
    }


def audit_parameters(recipe: Recipe) -> object:
    """The part of the recipe that the findings' wording depends on."""
    return {"policy": recipe.boxes.policy}
