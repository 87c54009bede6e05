"""The stage ``record`` in parts: however many there are, the tables are the same, row for row."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.running.finish import finish_stage, put_part
from medmultipoints.flows.engine.running.run import inputs_of
from medmultipoints.flows.engine.stage import WHOLE, Inputs, Output
from medmultipoints.flows.stages.choosing.kept import rows_of
from medmultipoints.flows.stages.composing.record import IMAGES_PER_SHARD, images_of, record_images, record_shards
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.columns.tables import conform, load_table
from tests.flows.small_builds import build as build_small

RECORD = next(stage for stage in PIPELINE if stage.name == "record")


@pytest.fixture
def inputs(first: Outcome) -> Inputs:
    """What the stage read in the small build."""
    return inputs_of(first.build, RECORD, {result.name: result.receipt for result in first.stages})


def test_few_images_are_one_part(first: Outcome, inputs: Inputs) -> None:
    """More are as many parts as keep each within the limit."""
    assert record_shards(first.build, inputs) == (WHOLE,)
    many = Inputs(inputs.lake, inputs.recipe, inputs.objects, {"split": {"used": 2 * IMAGES_PER_SHARD + 1}})
    assert record_shards(first.build, many) == ("1 of 3", "2 of 3", "3 of 3")


@pytest.mark.parametrize("count", [2, 5])
def test_parts_make_the_same_tables(first: Outcome, inputs: Inputs, count: int) -> None:
    """And every image is in one part."""
    whole = record_images(first.build, inputs, WHOLE)
    parts = [record_images(first.build, inputs, f"{number} of {count}") for number in range(1, count + 1)]
    assert all(part.used for part in parts)
    assert sorted(key for part in parts for key in part.inputs) == sorted(whole.inputs)
    assert {key for part in parts for key in part.used} == whole.used.keys()
    assert sorted(row.key for part in parts for row in part.exclusions) == [row.key for row in whole.exclusions]
    for name, table in whole.tables.items():
        declared = load_table(name)
        joined = pl.concat([part.tables[name] for part in parts])
        assert_frame_equal(conform(joined, declared), conform(table, declared))


def spoilt(outputs: Sequence[Output]) -> list[Output]:
    """The same, where one object has an impossible box, and images of the first and the last shard share a hash."""
    made = [dict(output.tables) for output in outputs]
    made[0]["objects"] = made[0]["objects"].with_columns(
        x1=pl.when(pl.int_range(pl.len()) == 1).then(1e9).otherwise("x1")
    )
    for tables in (made[0], made[-1]):
        first = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("f" * 64)).otherwise("image_sha256")
        tables["released_images"] = tables["released_images"].with_columns(image_sha256=first)
    return [replace(output, tables=tables) for output, tables in zip(outputs, made, strict=True)]


@pytest.mark.parametrize("most", [10])
@pytest.mark.parametrize("change", [list, spoilt], ids=["as they are", "with bad rows"])
def test_tables_that_are_judged_in_parts_are_the_same(
    first: Outcome, inputs: Inputs, change: Callable[[Sequence[Output]], list[Output]], most: int
) -> None:
    """And so are the verdicts, the accounting and what goes to quarantine."""
    build = first.build
    outputs = change([record_images(build, inputs, f"{number} of 3") for number in (1, 2, 3)])
    shards = [put_part(build, RECORD, f"part{number}", output) for number, output in enumerate(outputs)]
    whole = finish_stage(build, RECORD, "whole", inputs, shards)
    parts = finish_stage(build, RECORD, "parts", inputs, shards[::-1], most)
    assert (parts.counts, parts.verdicts) == (whole.counts, whole.verdicts)
    assert whole.counts["rejected"] == (0 if change is list else 3)
    for name, entries in parts.objects.items():
        assert len(whole.objects[name]) == 1
        assert len(entries) > 1 or name == "exclusions"
        assert_frame_equal(read_table(build.lake, entries), read_table(build.lake, whole.objects[name]))


def test_rows_of_some_images_come_in_the_order_of_their_table(inputs: Inputs) -> None:
    """As they would if all rows were read first."""
    images = images_of(inputs, "2 of 3").sort("image_sha256")
    for table in ("samples", "regions", "splits"):
        wanted = inputs.read(table).filter(pl.col("sample_id").is_in(images["sample_id"].to_list()))
        assert_frame_equal(rows_of(images, inputs.scan(table)), wanted)


def test_parts_are_ranges_of_hashes(inputs: Inputs) -> None:
    """Of records and objects, whose ids begin with the hash, each shard yields what comes next."""
    parts = [images_of(inputs, f"{number} of 3")["image_sha256"].sort() for number in (1, 2, 3)]
    assert pl.concat(parts).is_sorted()
    assert pl.concat(parts).equals(images_of(inputs, WHOLE)["image_sha256"].sort())


def test_a_release_does_not_show_how_its_tables_were_divided(
    first: Outcome, recipe: str, sources: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few images a shard and few rows an object give the same root."""
    monkeypatch.setattr("medmultipoints.flows.stages.composing.record.IMAGES_PER_SHARD", 5)
    monkeypatch.setattr("medmultipoints.flows.stages.composing.instruct.IMAGES_PER_SHARD", 5)
    monkeypatch.setattr("medmultipoints.flows.engine.running.run.finish_stage", partial(finish_stage, most=40))
    divided = build_small(recipe, tmp_path / "lake", sources)
    objects = {name: len(entries) for stage in divided.stages for name, entries in stage.receipt.objects.items()}
    assert min(objects[name] for name in ("objects", "instructions")) > 1
    assert divided.release.manifest_root == first.release.manifest_root
