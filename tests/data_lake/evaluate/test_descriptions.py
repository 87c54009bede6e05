"""Descriptions of a release, judged sentence by sentence against its own measures."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.evaluate.descriptions import score_descriptions
from medmultipoints.data_lake.evaluate.score import load_items
from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.claims.score import TextScore, total
from medmultipoints.transforms.instructions.write import write_instructions
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny release of descriptions: of a polyp, of one of two, of a sperm, of an instrument."""
    tables = make_tables()
    parts = (tables.records, tables.images, load_templates(["description"]), load_names())
    written = write_instructions(*parts, seed=7, policy="audited", tasks=["description"], objects=tables.objects)
    return write_release(tmp_path_factory.mktemp("described") / "release", replace(tables, instructions=written))


def _lines(release: Path) -> list[dict[str, object]]:
    files = sorted(release.glob("instructions/*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def _responses(release: Path) -> dict[str, str]:
    return {str(line["instruction_id"]): line["messages"][1]["content"] for line in _lines(release)}  # type: ignore[index]


def test_no_true_answer_has_a_false_sentence(release: Path) -> None:
    """The answers of the release say every fact; what the grammar does not know is not checkable."""
    found = total(score_descriptions(release, _responses(release)))
    assert (found["texts"], found["false"], found["recall"]) == (4, 0, 1.0)
    assert found["true"] > found["uncheckable"]


def test_a_wrong_word_is_a_false_sentence(release: Path) -> None:
    """Every answer with a size that its object has not."""
    sizes = ("tiny (below 0.1 %)", "small (0.1 to 1 %)", "medium-sized (1 to 10 %)", "large (10 % or more)")
    for name, text in _responses(release).items():
        (true,) = (size for size in sizes if size in text)
        for size in set(sizes) - {true}:
            (scored,) = score_descriptions(release, {name: text.replace(true, size)})
            assert scored.score.false == 1


def test_plain_text_is_judged_too(release: Path) -> None:
    """Sentences about the polyp of an image of 40 x 30 pixels, whose box is (2, 3, 10, 9)."""
    (name,) = (str(line["instruction_id"]) for line in _lines(release) if _is_lone_polyp(line))
    text = "There is one polyp in the upper left. It covers 4 % of the image. It touches the left border. It is benign."
    (scored,) = score_descriptions(release, {name: text})
    assert scored.score == TextScore(true=2, false=1, uncheckable=1, said=2, facts=4)


def _is_lone_polyp(line: dict[str, object]) -> bool:
    return "annotated: 1 polyp." in str(line["messages"])


def test_evaluate_reports_claims(release: Path, tmp_path: Path) -> None:
    """In JSON, and for people; a release of descriptions alone is scored."""
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps({"response": text}) + "\n" for text in _responses(release).values()))
    assert load_items(release, path).not_scored == {}
    options = ["evaluate", "--truth", str(release), "--predictions", str(path)]
    found = json.loads(CliRunner().invoke(app, [*options, "--json"]).output)["claims"]
    assert (found["false"], found["recall"], found["intervals"]["recall"]) == (0, 1.0, [1.0, 1.0])
    shown = CliRunner().invoke(app, [*options, "--all"]).output
    assert "Sentences of 4 descriptions" in shown
    assert "false sentences: share of false ones" in " ".join(shown.split())


def test_the_page_lists_the_sentences_that_are_not_true(release: Path, tmp_path: Path) -> None:
    """Each with its reason, escaped; JSON has all sentences, and the claims by kind."""
    path, page = tmp_path / "p.jsonl", tmp_path / "page.html"
    text = "There is one polyp.\nThe polyp covers 99 % of the image.\nIt is <b>benign</b>."
    path.write_text("".join(json.dumps({"response": text}) + "\n" for _ in _responses(release)))
    options = ["evaluate", "--truth", str(release), "--predictions", str(path), "--html", str(page), "--json"]
    found = json.loads(CliRunner().invoke(app, options).stdout)["claims"]
    assert found["true"] + found["false"] + found["uncheckable"] == len(found["sentences"]) == 12
    assert sum(found["kinds"]["share"].values()) == 4
    shown = page.read_text("utf-8")
    assert "The polyp covers 99 % of the image." in shown
    assert "share is not as said" in shown
    assert "It is &lt;b&gt;benign&lt;/b&gt;." in shown
    assert "<b>benign" not in shown


@pytest.mark.parametrize(
    "response", ["", "{", '{"caption": 3, "sentences": [1, null]}', '{"sentences": "It is large."}']
)
def test_odd_answers_say_nothing_true(release: Path, response: str) -> None:
    """Empty, broken, of other types."""
    scores = score_descriptions(release, dict.fromkeys(_responses(release), response))
    assert all(one.score.uncheckable + one.score.false <= 1 for one in scores)
    assert len(scores) == 4
