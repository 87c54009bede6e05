"""Stage ``measure``: measure pictures for the audit."""

from dataclasses import asdict

import polars as pl

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage, read_once, source_shard
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import kept_images
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.pictures.measure import measure_picture
from medmultipoints.transforms.pictures.scratch import Scratch

STILLS_PER_SHARD = 250
EVERY_FRAME = 25
"""Sample every 25th kept video frame; overlays and blur persist across frames."""


def measure_shards(_build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return one shard per source and 250 pictures."""
    return tuple(measured(inputs)["shard"].unique(maintain_order=True))


@read_once
def measured(inputs: Inputs) -> pl.DataFrame:
    """Return the sample_id and shard of each picture to measure."""
    samples = inputs.read("samples", "sample_id", "video_id", "frame_index")
    kept = kept_images(inputs).select("sample_id", "source").collect().join(samples, on="sample_id")
    kept = kept.sort("source", "video_id", "frame_index", "sample_id")
    place = pl.int_range(pl.len()).over("source", "video_id")
    chosen = kept.filter(pl.col("video_id").is_null() | (place % EVERY_FRAME == 0))
    return chosen.with_columns(shard=source_shard(STILLS_PER_SHARD))


def measure_pictures(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return the measurements of the pictures of one shard."""
    read = image_reader(build, inputs)
    chosen = measured(inputs).filter(pl.col("shard") == shard)["sample_id"].to_list()
    scratch = Scratch()
    rows = [{"sample_id": sample_id, **asdict(measure_picture(read(sample_id), scratch))} for sample_id in chosen]
    facts = pl.DataFrame(rows, schema=schema_of("picture_facts"))
    return Output(inputs=chosen, used={key: key for key in chosen}, tables={"picture_facts": facts})


def measure_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every measured picture is a kept image."""
    return {
        "facts_have_images": references_hold(tables["picture_facts"], "sample_id", kept_images(inputs), "sample_id")
    }


def measure_parameters(_recipe: Recipe) -> object:
    """Return None: the recipe affects only the audit of the measurements."""
    return None


STAGE = Stage(
    name="measure",
    work=measure_pictures,
    shards=measure_shards,
    reads=("index", "derive", "text", "correct", "dedup"),
    reads_sources=True,
    writes=("picture_facts",),
    parameters=measure_parameters,
    rules=measure_rules,
)
