"""Stage ``instruct``: prompts and answers, each answer derived a second time before it counts."""

import polars as pl

from data_lake.wording import known_labels, load_names, load_templates
from expectations.references import references_hold
from flows.recipe import Recipe
from flows.stage import Build, Inputs, Output, Rules, Scans
from flows.stages.kept import corrected_regions
from transforms.instructions.write import write_instructions

KEY = ("sample_id", "label", "record_id")


def instruct_records(build: Build, inputs: Inputs, _shard: str) -> Output:
    """The instructions of every record."""
    recipe, records, images = build.recipe, inputs.read("records"), inputs.read("released_images")
    instructions = write_instructions(
        records,
        images,
        load_templates(recipe.instructions.tasks),
        load_names(known_labels(records, images)),
        tasks=recipe.instructions.tasks,
        seed=recipe.seed,
        policy=recipe.boxes.policy,
        other_labels=labels_left_out(recipe, inputs),
        objects=inputs.read("objects"),
        shares={str(task): share for task, share in recipe.instructions.shares.items()},
        absent=recipe.instructions.absent,
    )
    used = {f"{sample_id}:{label}": record_id for sample_id, label, record_id in records.select(KEY).iter_rows()}
    return Output(inputs=list(used), used=used, tables={"instructions": instructions})


def labels_left_out(recipe: Recipe, inputs: Inputs) -> dict[str, list[str]]:
    """Labels that an image shows, by whatever evidence, and no record holds, by image_sha256.

    The recipe leaves them out, or its box policy does. They decide which names are clear, and what is not absent.
    """
    released = pl.col("label").replace(dict(recipe.labels.names))
    held = inputs.read("records", "sample_id", "label", "count").filter(pl.col("count") > 0)
    grouped = (
        corrected_regions(inputs)
        .select("sample_id", label=released)
        .collect()
        .join(held, on=["sample_id", "label"], how="anti")
        .join(inputs.read("images", "sample_id", "image_sha256"), on="sample_id")
        .group_by("image_sha256")
        .agg(pl.col("label").unique().sort())
    )
    return dict(grouped.iter_rows())


def instruct_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Every instruction belongs to a record."""
    return {
        "instructions_have_records": references_hold(
            tables["instructions"], "record_id", inputs.scan("records"), "record_id"
        )
    }


def instruct_parameters(recipe: Recipe) -> object:
    """The part of the recipe that this stage depends on."""
    return {
        "instructions": recipe.instructions.model_dump(exclude={"dialects"}),
        "seed": recipe.seed,
        "policy": recipe.boxes.policy,
        "labels": sorted(recipe.labels.names),
    }
