"""The first pictures of a build: drawn from the first shard that has some, never a reason to stop."""

import polars as pl
import pytest
from PIL import Image

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.running.preview import SHEET, choose, first_sheet
from medmultipoints.flows.engine.running.run import inputs_of
from medmultipoints.flows.stages.pipeline import PIPELINE


@pytest.mark.slow
def test_a_build_leaves_the_sheet_of_its_first_pictures(first: Outcome) -> None:
    sheet = first.build.lake.reports / "small" / SHEET
    with Image.open(sheet) as image:
        assert image.width >= 260


def test_a_shard_without_pictures_has_no_sheet(first: Outcome) -> None:
    stage = next(stage for stage in PIPELINE if stage.name == "index")
    receipts = {result.name: result.receipt for result in first.stages}
    assert first_sheet(first.build, inputs_of(first.build, stage, receipts), receipts["index"]) is None


def test_labels_have_their_turns() -> None:
    rows = [("a", "polyps"), ("b", "polyps"), ("c", "instruments"), ("c", "instruments")]
    regions = pl.DataFrame(rows, schema=["sample_id", "label"], orient="row")
    assert choose(regions, 2) == ["c", "a"]
