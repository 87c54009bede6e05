"""Stage ``instruct``: write prompts and answers; each answer is derived a second time and compared."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from medmultipoints.data_lake.prompts.object_names import release_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates, wording_digest
from medmultipoints.expectations.references import references_hold
from medmultipoints.expectations.verdicts import Rejection
from medmultipoints.flows.engine.stage import (
    WHOLE,
    Build,
    Inputs,
    Output,
    Rules,
    Scans,
    Stage,
    place_of_shard,
    shards_of,
)
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import corrected_regions, rows_of
from medmultipoints.transforms.audit.corrections import partial_labels
from medmultipoints.transforms.compose.stats import UNCERTAIN, degenerate_tasks
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.scenes import group_key
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.instructions.write import write_instructions
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.regions.annotated_objects import OUTSIDE
from medmultipoints.transforms.regions.readings import CONFLICT
from medmultipoints.transforms.sources.accounting import exclude_sample

KEY = ("sample_id", "label", "record_id")

IMAGES_PER_SHARD = 100_000
UNREAD = "answer_rederived_in_set"
"""The rule that a row breaks whose answer could not be derived again."""


def instruct_shards(_build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return about equal parts of the released images, in whole videos: a shard's size is independent of the total."""
    return shards_of(inputs.counts["record"]["used"], IMAGES_PER_SHARD)


def images_of(inputs: Inputs, shard: str) -> pl.DataFrame:
    """Return the images of one shard: all frames of a video or stills of a set that a question may be about."""
    if shard == WHOLE:
        return inputs.read("released_images")
    number, count = place_of_shard(shard)
    images = inputs.read("released_images", "sample_id", "image_sha256", "split", "source", "video_id")
    placed = group_key(images, stills=True).sort("group").with_row_index("place")
    first = pl.col("place").min().over("group").cast(pl.Int64)
    return rows_of(placed.filter(first * count // images.height == number - 1), inputs.scan("released_images"))


def instruct_records(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return the instructions of every record of one shard.

    For an image in which the count of a label is uncertain, only records of other labels get questions, one at a time.
    """
    recipe, all_images = build.recipe, images_of(inputs, shard)
    uncertain = uncertain_labels(recipe, inputs, all_images)
    doubtful = all_images.join(uncertain, on="sample_id", how="semi")
    images = all_images.join(uncertain, on="sample_id", how="anti")
    published = [task for task in recipe.instructions.tasks if task in PUBLISHED]
    records, partly = rows_of(images, inputs.scan("records")), rows_of(doubtful, inputs.scan("records"))
    left_out = partly.join(uncertain, on=["sample_id", "label"], how="semi")
    partly = partly.join(uncertain, on=["sample_id", "label"], how="anti")
    written = [ask_records(build, inputs, records, images, recipe.instructions.tasks)]
    if published and partly.height:
        asked_images = doubtful.join(partly, on="sample_id", how="semi")  # the others are uncertain in every label
        written.append(ask_records(build, inputs, partly, asked_images, published))
    asked = pl.concat([records, partly])
    used = {f"{sample_id}:{label}": record_id for sample_id, label, record_id in asked.select(KEY).iter_rows()}
    excluded = [exclude_record(*row) for row in left_out.select(KEY).iter_rows()]
    keys = [*used, *(row.key for row in excluded)]
    instructions = pl.concat(written).sort("instruction_id")
    return Output(inputs=keys, used=used, tables={"instructions": instructions}, exclusions=excluded)


def ask_records(
    build: Build, inputs: Inputs, records: pl.DataFrame, images: pl.DataFrame, tasks: Sequence[str]
) -> pl.DataFrame:
    """Return the instructions of these tasks about records of these images."""
    recipe = build.recipe
    whole = inputs.read("records", "label", "source"), inputs.read("released_images", "labels_exhaustive", "source")
    return write_instructions(
        records,
        images,
        load_templates(tasks),
        release_names(*whole, recipe.plurals),
        tasks=tasks,
        seed=recipe.seed,
        policy=recipe.boxes.policy,
        other_labels=labels_left_out(recipe, inputs, images, records),
        objects=rows_of(images, inputs.scan("objects")),
        shares={str(task): share for task, share in recipe.instructions.shares.items()},
        absent=recipe.instructions.absent,
    )


def uncertain_labels(recipe: Recipe, inputs: Inputs, images: pl.DataFrame) -> pl.DataFrame:
    """Return sample_id and released label wherever the count in the image is uncertain.

    So it is if the source says so, and of a label that is not annotated there if reviewers only added objects.
    """
    stated = inputs.scan("samples").select("sample_id", label="uncertain").explode("label").drop_nulls("label")
    unclear = inputs.scan("derive.exclusions").filter(pl.col("reason").is_in([OUTSIDE, CONFLICT]))
    annotations = inputs.scan("annotations").with_columns(key=pl.format("{}#{}", "sample_id", "key"))
    of_masks = unclear.join(annotations, on="key", how="anti").select("sample_id")
    found = pl.concat(
        [
            stated,
            annotations.join(unclear, on="key", how="semi").select("sample_id", "label"),
            inputs.scan("regions").join(of_masks, on="sample_id", how="semi").select("sample_id", "label"),
        ]
    )
    released = pl.col("label").replace(dict(recipe.labels.names))
    known = images.lazy().select("sample_id", label="labels_exhaustive").explode("label")
    added = partial_labels(inputs.read("corrections")).lazy().with_columns(released)
    partial = added.join(known, on=["sample_id", "label"], how="anti")
    return rows_of(images, pl.concat([found.with_columns(released), partial])).unique().sort("sample_id", "label")


def exclude_record(sample_id: str, label: str, _record_id: str) -> Exclusion:
    """Return the exclusion of a record from all questions, because an answer could miss some of its objects."""
    said = f"{sample_id}: objects of {label} are left out or in quarantine, or may not be all"
    return exclude_sample(sample_id, "dropped", UNCERTAIN, said, key=f"{sample_id}:{label}")


def labels_left_out(
    recipe: Recipe, inputs: Inputs, images: pl.DataFrame, records: pl.DataFrame
) -> dict[str, list[str]]:
    """Return, by image_sha256, labels that an image or a copy of it shows by any evidence but no record has.

    The recipe or its box policy leaves them out. They affect which names are clear and which labels are not absent.
    """
    released = pl.col("label").replace(dict(recipe.labels.names))
    shown = inputs.read("images", "sample_id", "image_sha256").join(images, on="image_sha256", how="semi")
    held = records.filter(pl.col("count") > 0).select("sample_id", "label")
    grouped = (
        rows_of(shown, corrected_regions(inputs).select("sample_id", label=released))
        .join(held, on=["sample_id", "label"], how="anti")
        .join(shown, on="sample_id")
        .group_by("image_sha256")
        .agg(pl.col("label").unique().sort())
    )
    return dict(grouped.iter_rows())


def instruct_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every instruction belongs to a record."""
    return {
        "instructions_have_records": references_hold(
            tables["instructions"], "record_id", inputs.scan("records"), "record_id"
        )
    }


def leave_out_degenerate(recipe: Recipe, tables: Scans) -> dict[str, pl.Expr]:
    """Return conditions for the tasks in which all answers of the release are equal, unless the recipe keeps them."""
    if recipe.instructions.degenerate == "keep":
        return {}
    return {"instructions": pl.col("task").is_in(degenerate_tasks(tables["instructions"]))}


def instruct_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {
        "instructions": recipe.instructions.model_dump(exclude={"dialects"}),
        "seed": recipe.seed,
        "policy": recipe.boxes.policy,
        "labels": sorted(recipe.labels.names),
        **({"plurals": recipe.plurals} if recipe.plurals else {}),
    }


def instruct_suite(_recipe: Recipe, _inputs: Inputs) -> dict[str, dict[str, Any]]:
    """Return the tasks, for the suite."""
    return {"instructions": {"tasks": list(TASK_NAMES)}}


def unread_words(key: str, rejection: Rejection) -> str:
    """Return in words that no question is asked about a record, because one of its texts cannot be read back."""
    if rejection.reason != UNREAD:
        return ""
    label = rejection.entity.partition(":")[2]
    sample_id = key.removesuffix(f":{label}")
    return (
        f"{sample_id}: no question is asked about {label!r} here: a prompt or answer with this name cannot be read "
        f"back without doubt. Give {label!r} plain words in [labels.names], or in "
        f"[sources.{sample_id.partition('/')[0]}.read.labels]"
    )


STAGE = Stage(
    name="instruct",
    work=instruct_records,
    shards=instruct_shards,
    reads=("index", "derive", "correct", "record"),
    writes=("instructions",),
    parameters=instruct_parameters,
    data=wording_digest,
    rules=instruct_rules,
    suite=instruct_suite,
    leaves_out=leave_out_degenerate,
    words=unread_words,
)
