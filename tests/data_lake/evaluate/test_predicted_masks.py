"""Masks of a release against the answers to its own questions."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.evaluate.predicted_masks import score_masks
from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.instructions.write import write_instructions
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny release of questions for masks."""
    tables = make_tables()
    parts = (tables.records, tables.images, load_templates(["segmentation"]), load_names())
    written = write_instructions(*parts, seed=7, policy="audited", tasks=["segmentation"], objects=tables.objects)
    return write_release(tmp_path_factory.mktemp("masks") / "release", replace(tables, instructions=written))


def responses(release: Path) -> dict[str, str]:
    files = sorted(release.glob("instructions/*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return {line["instruction_id"]: line["messages"][1]["content"] for line in lines}


def test_the_true_answers_overlap_wholly(release: Path) -> None:
    found = score_masks(release, responses(release))
    assert found and all((one.dice, one.iou) == (1.0, 1.0) for one in found)


def test_evaluate_begins_with_one_row_and_reports_the_masks(release: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(json.dumps({"id": name, "response": text}) + "\n" for name, text in responses(release).items())
    )
    options = ["evaluate", "--truth", str(release), "--predictions", str(path)]
    found = json.loads(CliRunner().invoke(app, [*options, "--json"]).output)
    assert (found["masks"]["dice"], found["not_scored"]) == (1.0, {})
    head, values, *_ = CliRunner().invoke(app, options).output.splitlines()
    assert head.split()[-2:] == ["dice", "iou"] and values.split()[-2:] == ["1.000", "1.000"]


def test_an_answer_with_box_and_mask_is_counted_once_and_an_unread_mask_is_reported(
    release: Path, tmp_path: Path
) -> None:
    given = responses(release)
    (name,) = given
    given[name] = '```json\n{"bbox_2d": [1, 1, 5, 5]}\n```'
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"id": name, "response": given[name]}))
    output = CliRunner().invoke(app, ["evaluate", "--truth", str(release), "--predictions", str(path)]).output
    assert "1 answer matched by id: 1 scored (1 of them as masks, too)" in " ".join(output.split())
    assert "1 mask of 1 could not be read" in output
