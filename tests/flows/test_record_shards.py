"""The stage ``record`` in parts: however many there are, the tables are the same, row for row."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from expectations.columns import conform, load_table
from flows.execute import Outcome
from flows.pipeline import PIPELINE
from flows.run import inputs_of
from flows.stage import WHOLE, Inputs
from flows.stages.record import IMAGES_PER_SHARD, images_of, record_images, record_shards

RECORD = next(stage for stage in PIPELINE if stage.name == "record")


@pytest.fixture
def inputs(first: Outcome) -> Inputs:
    """What the stage read in the small build."""
    return inputs_of(first.build, RECORD, {result.name: result.receipt for result in first.stages})


def test_few_images_are_one_part(first: Outcome, inputs: Inputs) -> None:
    """More are as many parts as keep each within the limit."""
    assert record_shards(first.build, inputs) == (WHOLE,)
    many = Inputs(inputs.lake, inputs.objects, {"split": {"used": 2 * IMAGES_PER_SHARD + 1}})
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


def test_parts_are_ranges_of_hashes(inputs: Inputs) -> None:
    """Records and objects, whose ids begin with the hash, come joined in their order."""
    parts = [images_of(inputs, f"{number} of 3")["image_sha256"] for number in (1, 2, 3)]
    assert pl.concat(parts).is_sorted()
