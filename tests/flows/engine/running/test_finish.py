"""The end of a stage: the accounting is proved, bad rows are held back, and too many of them stop the build."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.data_lake.store.objects import Receipt, StoredObject
from medmultipoints.data_lake.store.parquet_tables import read_table, scan_table
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.finish import check_accounting, finish_stage, put_part
from medmultipoints.flows.engine.running.rejections import stop_if_too_many
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.stages.composing.instruct import STAGE as INSTRUCT
from medmultipoints.transforms.columns.tables import load_table, polars_schema
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.records import Exclusion
from tests.flows.small_builds import write_recipe

KEY = "k"


def no_work(_build: Build, _inputs: Inputs, _shard: str) -> Output:
    raise AssertionError("the tests give the output themselves")


STAGE = Stage(name="split", work=no_work, writes=("splits",), parameters=lambda _recipe: None)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A build of the small recipe, which allows half of the inputs to be rejected, without sources."""
    recipe = load_recipe(write_recipe(tmp_path / "small.toml"))
    return Build(open_lake(tmp_path / "lake"), recipe, (), BuildRequest())


def splits(**by_image: str) -> dict[str, pl.DataFrame]:
    """The table of splits with one image a row: hyperkvasir/<name> in the split."""
    ids = [f"hyperkvasir/{name}" for name in by_image]
    return {"splits": pl.DataFrame({"sample_id": ids, "group_id": ids, "split": list(by_image.values())})}


def output(tables: dict[str, pl.DataFrame], *excluded: Exclusion) -> Output:
    """What a shard yields whose inputs are the images of the table and those that are excluded."""
    used = {str(key): str(key) for key in tables["splits"]["sample_id"]}
    return Output(inputs=[*used, *(one.key for one in excluded)], used=used, tables=tables, exclusions=excluded)


def excluded(name: str, verdict: str = "rejected") -> Exclusion:
    """An exclusion of the image hyperkvasir/<name>."""
    key = f"hyperkvasir/{name}"
    return Exclusion(
        source="hyperkvasir",
        key=key,
        verdict=verdict,
        reason="spoilt",
        detail=f"{name} is spoilt",
        sample_id=key,  # type: ignore[arg-type]
    )


def finish(build: Build, *outputs: Output, stage: Stage = STAGE) -> Receipt:
    """The receipt of a stage whose shards yielded these outputs."""
    inputs = Inputs(build.lake, build.recipe, {}, {})
    parts = [put_part(build, stage, f"{KEY}{number}", output) for number, output in enumerate(outputs)]
    return finish_stage(build, stage, KEY, inputs, parts)


def rows(build: Build, entries: Sequence[StoredObject], *columns: str) -> list[tuple[object, ...]]:
    """Some columns of a stored table."""
    return read_table(build.lake, entries).select(columns).rows()


def test_an_account_that_closes_is_accepted() -> None:
    check_accounting("derive", ["a", "b", "c"], {"a": None, "b": "x"}, ["c"])


@pytest.mark.parametrize(
    ("inputs", "used", "out", "example"),
    [
        (["a", "b"], ["a"], [], "b"),  # lost
        (["a"], ["a", "b"], [], "b"),  # never given
        (["a"], ["a"], ["z"], "z"),  # never given, yet excluded
        (["a", "b"], ["a", "b"], ["b"], "b"),  # used and excluded
        (["a", "b"], ["a"], ["b", "b"], "b"),  # excluded twice
    ],
)
def test_an_account_that_does_not_close_names_an_input(
    inputs: list[str], used: list[str], out: list[str], example: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_accounting("derive", inputs, dict.fromkeys(used), out)
    assert str(caught.value).startswith(
        f"derive: accounting error: 1 input is neither used nor excluded, or counted twice, for example {example}. "
    )


def test_a_shard_that_loses_an_input_stores_nothing(build: Build) -> None:
    lost = Output(inputs=["a", "b"], used={"a": "a"}, tables=splits(a="train"))
    with pytest.raises(DataError, match="for example b"):
        put_part(build, STAGE, KEY, lost)
    assert list(build.lake.receipts.rglob("*.json")) == []


def test_shards_are_joined_sorted_and_counted(build: Build) -> None:
    """Whatever the order in which the shards were stored."""
    one, other = output(splits(c="train", a="test"), excluded("d", "dropped")), output(splits(b="train"), excluded("e"))
    receipt = finish(build, one, other)
    assert receipt.counts == {"in": 5, "used": 3, "dropped": 1, "rejected": 1, "rows": 3}
    assert rows(build, receipt.objects["splits"], "sample_id") == [(f"hyperkvasir/{name}",) for name in "abc"]
    assert rows(build, receipt.objects["exclusions"], "stage", "key", "verdict", "reason", "detail") == [
        ("split", "hyperkvasir/d", "dropped", "spoilt", "d is spoilt"),
        ("split", "hyperkvasir/e", "rejected", "spoilt", "e is spoilt"),
    ]
    assert finish(build, other, one) == receipt


@pytest.mark.parametrize("other", [splits(b="train", a="train"), splits(a="test")], ids=["with another row", "alone"])
def test_an_input_that_two_shards_use_stops_the_build(build: Build, other: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(DataError, match=r"inputs_counted_once: 1 values of key occur more than once: hyperkvasir/a"):
        finish(build, output(splits(a="train")), output(other))


def test_an_input_that_one_shard_uses_and_another_excludes_stops_the_build(build: Build) -> None:
    with pytest.raises(DataError, match=r"accounting: 3 in != 1 used \+ 0 dropped \+ 1 rejected"):
        finish(build, output(splits(a="train", b="train")), output(splits(), excluded("a")))


def test_a_row_that_breaks_its_rule_is_held_back_and_the_rest_goes_on(build: Build) -> None:
    """The input that it came from is rejected, with the rule as the reason and the value at fault."""
    receipt = finish(build, output(splits(a="train", b="Train!")))
    assert receipt.counts == {"in": 2, "used": 1, "dropped": 0, "rejected": 1, "rows": 1}
    assert rows(build, receipt.objects["splits"], "sample_id", "split") == [("hyperkvasir/a", "train")]
    ((key, reason, detail),) = rows(build, receipt.objects["exclusions"], "key", "reason", "detail")
    assert (key, reason) == ("hyperkvasir/b", "split_matches")
    assert "Train!" in str(detail)
    assert [verdict["suite"] for verdict in receipt.verdicts] == ["splits", "table_rules"]


def test_a_bad_row_that_no_input_stands_for_stops_the_build(build: Build) -> None:
    """It cannot go to quarantine under any name, so it must not vanish."""
    unowned = Output(inputs=["a"], used={"a": None}, tables=splits(b="Train!"))
    with pytest.raises(DataError, match=r"^split: hyperkvasir/b belongs to no input: .*Train!"):
        finish(build, unowned)


def test_a_held_back_row_of_something_else_than_an_image_names_its_source_and_no_image(build: Build) -> None:
    """The entity of an instruction is its record, which must not pass for a sample."""
    key, record_id = "hyperkvasir/a:polyps", f"{'0' * 64}:polyps"
    row = dict.fromkeys(polars_schema(load_table("instructions")), "") | {"record_id": record_id}
    row |= {"template": 0, "answer_rederived": False, "image_files": [], "object_ids": []}
    stage = Stage(
        name="instruct",
        work=no_work,
        writes=("instructions",),
        parameters=lambda _recipe: None,
        suite=lambda _recipe, _inputs: {"instructions": {"tasks": ["bounding"]}},
    )
    made = Output(inputs=[key, "b"], used={key: record_id, "b": None}, tables={"instructions": pl.DataFrame([row])})
    receipt = finish(build, made, stage=stage)
    found = rows(build, receipt.objects["exclusions"], "source", "key", "sample_id")
    assert found == [("hyperkvasir", key, None)]


def test_a_question_that_cannot_be_read_back_is_held_back_in_words_for_people(build: Build) -> None:
    """With the picture, the label, and where a better name is given; the rest of the detail would be of no use."""
    key, sha256 = "hyperkvasir/a:B", "0" * 64
    row = dict.fromkeys(polars_schema(load_table("instructions")), "B") | {"record_id": f"{sha256}:B"}
    row |= {"template": 0, "answer_rederived": False, "image_files": [], "object_ids": [], "task": "bounding"}
    row |= {"image_sha256": sha256, "image_file": f"images/{sha256}.jpg", "prompt": "<image>B"}
    made = Output(
        inputs=[key, "b"], used={key: row["record_id"], "b": None}, tables={"instructions": pl.DataFrame([row])}
    )
    receipt = finish(build, made, stage=replace(INSTRUCT, rules=lambda _tables, _inputs: {}))
    ((reason, detail),) = rows(build, receipt.objects["exclusions"], "reason", "detail")
    assert reason == "answer_rederived_in_set"
    assert detail == (
        "hyperkvasir/a: no question is asked about 'B' here: a prompt or answer with this name cannot be read back "
        "without doubt. Give 'B' plain words in [labels.names], or in [sources.hyperkvasir.read.labels]"
    )


def test_too_many_rejections_stop_the_build(build: Build) -> None:
    """The message names the share that is allowed, the most frequent reason, an example, and what to do."""
    receipt = finish(build, output(splits(a="train"), excluded("c"), excluded("b")))
    with pytest.raises(DataError) as caught:
        stop_if_too_many(
            build.recipe, STAGE.name, receipt.counts, scan_table(build.lake, receipt.objects["exclusions"])
        )
    assert str(caught.value) == (
        "split: 2 of 3 inputs are rejected (66.7%), more than the 50% that the recipe allows "
        "(validation.max_rejected_fraction). Most often: spoilt (2), for example hyperkvasir/b: b is spoilt. "
        "Correct the source, or raise the limit in the recipe."
    )
    assert rows(build, receipt.objects["exclusions"], "key") == [("hyperkvasir/b",), ("hyperkvasir/c",)]


def test_the_remedy_of_a_known_reason_is_named(build: Build) -> None:
    """A value of masks without a label needs a line in the declaration, not a higher limit."""
    gone = [replace(excluded(name), reason="mask_value_unknown") for name in "bc"]
    receipt = finish(build, output(splits(a="train"), *gone))
    with pytest.raises(DataError, match=r"What helps: add it to `\[read\.masks\] values`, or to `ignore`\. A higher"):
        stop_if_too_many(
            build.recipe, STAGE.name, receipt.counts, scan_table(build.lake, receipt.objects["exclusions"])
        )


def test_dropped_inputs_are_no_rejections(build: Build) -> None:
    assert finish(build, output(splits(), excluded("a", "dropped"), excluded("b", "dropped"))).counts["dropped"] == 2


def test_a_limit_of_the_stage_overrules_that_of_all(build: Build, tmp_path: Path) -> None:
    strict = write_recipe(
        tmp_path / "small.toml",
        ("max_rejected_fraction = 0.5", "max_rejected_fraction = 0.5\nby_stage = { split = 0.2 }"),
    )
    strict_build = Build(build.lake, load_recipe(strict), (), BuildRequest())
    receipt = finish(strict_build, output(splits(a="train", b="train"), excluded("c")))
    exclusions = scan_table(build.lake, receipt.objects["exclusions"])
    with pytest.raises(DataError, match="more than the 20% that the recipe allows"):
        stop_if_too_many(strict_build.recipe, STAGE.name, receipt.counts, exclusions)


def test_a_rule_over_the_whole_table_stops_the_build(build: Build) -> None:
    def rules(tables: Scans, _inputs: Inputs) -> Rules:
        count = tables["splits"].collect().height
        return {"few_rows": (count < 2, f"{count} rows")}

    stage = Stage(name="split", work=no_work, writes=("splits",), parameters=lambda _recipe: None, rules=rules)
    assert finish(build, output(splits(a="train")), stage=stage).counts["rows"] == 1
    with pytest.raises(DataError, match="split: few_rows: 2 rows"):
        finish(build, output(splits(a="train", b="test")), stage=stage)
