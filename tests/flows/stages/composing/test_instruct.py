"""The stages ``instruct`` and ``translate`` in parts: however many there are, they write the same."""

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.running.run import inputs_of
from medmultipoints.flows.engine.stage import WHOLE, Inputs
from medmultipoints.flows.stages.composing.instruct import (
    IMAGES_PER_SHARD,
    images_of,
    instruct_records,
    instruct_shards,
)
from medmultipoints.flows.stages.composing.translate import translate_instructions
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.instructions.all_tasks import TASKS

INSTRUCT = next(stage for stage in PIPELINE if stage.name == "instruct")


@pytest.fixture
def inputs(first: Outcome) -> Inputs:
    """What the stage read in the small build."""
    return inputs_of(first.build, INSTRUCT, {result.name: result.receipt for result in first.stages})


def test_few_images_are_one_part(first: Outcome, inputs: Inputs) -> None:
    assert instruct_shards(first.build, inputs) == (WHOLE,)
    many = Inputs(inputs.lake, inputs.recipe, inputs.objects, {"record": {"used": 2 * IMAGES_PER_SHARD + 1}})
    assert instruct_shards(first.build, many) == ("1 of 3", "2 of 3", "3 of 3")


@pytest.mark.slow
def test_parts_ask_the_same_questions(first: Outcome, inputs: Inputs) -> None:
    """Every task, those about several frames too: a video is in one part."""
    asked = first.build.recipe.instructions.model_copy(update={"tasks": tuple(TASKS)})
    build = replace(first.build, recipe=first.build.recipe.model_copy(update={"instructions": asked}))
    whole = instruct_records(build, inputs, WHOLE)
    names = [f"{number} of 4" for number in range(1, 5)]
    parts = [instruct_records(build, inputs, name) for name in names]
    assert sum(1 for part in parts if part.used) > 2
    assert sorted(key for part in parts for key in part.inputs) == sorted(whole.inputs)
    joined = pl.concat([part.tables["instructions"] for part in parts]).sort("instruction_id")
    assert_frame_equal(joined, whole.tables["instructions"])
    assert any(TASKS[task].images > 1 for task in joined["task"])
    videos = pl.concat([images_of(inputs, name).select("video_id", part=pl.lit(name)) for name in names])
    assert videos.drop_nulls().group_by("video_id").agg(pl.col("part").n_unique())["part"].max() == 1


def test_parts_translate_the_same_entries(first: Outcome) -> None:
    stage = next(stage for stage in PIPELINE if stage.name == "translate")
    inputs = inputs_of(first.build, stage, {result.name: result.receipt for result in first.stages})
    wanted = first.build.recipe.instructions.model_copy(update={"dialects": ("qwen-vl-1000", "molmo")})
    build = replace(first.build, recipe=first.build.recipe.model_copy(update={"instructions": wanted}))
    whole = translate_instructions(build, inputs, WHOLE)
    parts = [translate_instructions(build, inputs, f"{number} of 4") for number in range(1, 5)]
    assert sorted(key for part in parts for key in part.inputs) == sorted(whole.inputs)
    assert sorted(row.key for part in parts for row in part.exclusions) == sorted(row.key for row in whole.exclusions)
    assert whole.exclusions
    joined = pl.concat([part.tables["dialect_lines"] for part in parts]).sort("line_id")
    assert_frame_equal(joined, whole.tables["dialect_lines"])
