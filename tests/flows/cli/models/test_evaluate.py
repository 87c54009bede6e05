"""``evaluate`` and ``sample`` from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.errors import DataError, MachineError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables
from tests.transforms.scoring.questions import fenced


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny release."""
    return write_release(tmp_path_factory.mktemp("command") / "release", make_tables())


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Two answers with their truths: one right, one that cannot be read."""
    truth = fenced({"counts": 2, "label": "polyp"})
    lines = [{"response": truth, "labels": truth}, {"response": "two", "labels": truth}]
    path = tmp_path / "result.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_evaluate_prints_both_sets_and_where_they_disagree(predictions: Path) -> None:
    """Tables for people; without --all the headline and what could not be read, in at most 25 lines."""
    options = ["evaluate", "--truth", str(predictions), "--predictions", str(predictions)]
    short = CliRunner().invoke(app, options).output
    assert len(short.splitlines()) <= 25
    assert "side by side" not in short
    assert "--all" in short
    found = CliRunner().invoke(app, [*options, "--all"])
    assert found.exit_code == 0, found.output
    for words in ("side by side", "Strict metrics over 2 items", "no_json", "Where the two sets disagree", "unread"):
        assert words in found.output


def test_evaluate_gives_one_json_object(predictions: Path) -> None:
    """With every number of both sets."""
    options = ["--truth", str(predictions), "--predictions", str(predictions), "--json"]
    report = json.loads(CliRunner().invoke(app, ["evaluate", *options]).output)
    assert report["published"]["counting"]["count_mae"] == 1
    assert report["strict"]["overall"]["exact_count_accuracy"]["value"] == 0.5
    assert (report["matched_by"], report["items"], report["strict"]["failures"]) == ("order", 2, {"no_json": 1})


@pytest.mark.parametrize("metrics", ["published", "strict"])
def test_evaluate_can_compute_one_set(predictions: Path, metrics: str) -> None:
    """The other is not printed."""
    options = ["--truth", str(predictions), "--predictions", str(predictions), "--metrics", metrics, "--all"]
    output = CliRunner().invoke(app, ["evaluate", *options]).output
    assert ("Published metrics" in output, "Strict metrics" in output) == (metrics == "published", metrics == "strict")


def test_evaluate_refuses_to_score_nothing(tmp_path: Path) -> None:
    """No table of empty cells."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"task": "chat", "labels": "hello", "response": "hello"}\n')
    found = CliRunner().invoke(app, ["evaluate", "--truth", str(path), "--predictions", str(path)])
    assert isinstance(found.exception, DataError)


def test_sample_prints_rows_and_writes_a_page(release: Path, tmp_path: Path) -> None:
    """The same rows in both; a page that cannot be written is an error of the machine."""
    page = tmp_path / "page.html"
    found = CliRunner().invoke(app, ["sample", str(release), "--n", "2", "--task", "pointing", "--html", str(page)])
    assert found.exit_code == 0, found.output
    assert "2 of 5 rows of tiny 1.0.0" in found.output
    assert page.read_text("utf-8").count("<article>") == 2
    rows = json.loads(
        CliRunner().invoke(app, ["sample", str(release), "--n", "2", "--task", "pointing", "--json"]).output
    )
    assert all(row["instruction_id"] in page.read_text("utf-8") for row in rows["rows"])
    lost = CliRunner().invoke(app, ["sample", str(release), "--html", str(tmp_path / "no" / "page.html")])
    assert isinstance(lost.exception, MachineError)


def test_evaluate_writes_a_page_that_needs_nothing_else(predictions: Path, tmp_path: Path) -> None:
    """Charts and tables; no address, no script."""
    page = tmp_path / "page.html"
    options = ["--truth", str(predictions), "--predictions", str(predictions), "--html", str(page)]
    assert CliRunner().invoke(app, ["evaluate", *options]).exit_code == 0
    text = page.read_text("utf-8")
    assert "true 2, stated 2: 1" in text
    assert "1 answers have no readable count" in text
    assert not any(word in text for word in ("http:", "https:", "<script", "url("))


def test_evaluate_shows_each_task_and_what_is_not_scored(tmp_path: Path) -> None:
    """In the terminal and on the page, tasks of ours beside the published ones."""
    box = {"bbox_2d": [[0, 0, 9, 9]], "label": "polyp"}
    lines = [
        {"task": "presence", "gt": {"present": True, "counts": 1} | box, "response": fenced({"counts": 1} | box)},
        {"task": "tracking", "gt": box, "response": fenced(box | {"label": "banana"})},
        {"task": "motion", "gt": {"path_px": 3}, "response": ""},
    ]
    path, page = tmp_path / "t.jsonl", tmp_path / "page.html"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ["--truth", str(path), "--predictions", str(path), "--html", str(page)]
    output = CliRunner().invoke(app, ["evaluate", *options]).output
    for text in (output, page.read_text("utf-8")):
        assert all(words in text for words in ("By task", "presence", "tracking", "not scored", "1 motion"))
    rows = {line.split()[0]: line.split()[1:] for line in output.partition("By task")[2].splitlines() if line.strip()}
    assert rows["tracking"] == ["1", "0.000", "0.000", "1.000", "1.000"]


def test_evaluate_takes_answers_in_a_dialect(release: Path, tmp_path: Path) -> None:
    """What the dialect has no form for is counted, by reason."""
    path = tmp_path / "p.jsonl"
    path.write_text('{"response": "", "images": []}\n' * 5)
    options = ["--truth", str(release), "--predictions", str(path), "--dialect", "florence2"]
    output = CliRunner().invoke(app, ["evaluate", *options]).output
    assert "20 more questions of the release, for which the dialect has no form" in output
    assert "a number alone: Florence-2 has no form for it" in output
    report = json.loads(CliRunner().invoke(app, ["evaluate", *options, "--json"]).output)
    assert (report["items"], sum(report["left_out"].values())) == (5, 20)
