"""Truth and predictions read from files and releases, and brought together."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medmultipoints.data_lake.evaluate.questions import read_questions
from medmultipoints.data_lake.evaluate.score import load_items, read_predictions
from medmultipoints.data_lake.release.export.dialect_lines import FORMS
from medmultipoints.data_lake.release.export.dialects import export_dialect
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.scoring.metric_sets import scoring_report
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables
from tests.transforms.scoring.questions import fenced

POINT = [{"point_2d": [1.0, 2.0], "label": "polyp"}]
BOX = [{"bbox_2d": [0.0, 0.0, 8.0, 8.0], "label": "polyp"}]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny release."""
    return write_release(tmp_path_factory.mktemp("scored") / "release", make_tables())


def _write(path: Path, lines: list[Any]) -> Path:
    path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return path


def _swift(answer: object, response: str, image: str = "a") -> dict[str, Any]:
    messages = [{"role": "user", "content": "<image> ?"}, {"role": "assistant", "content": response}]
    images = [{"bytes": None, "path": f"images/{image}.png"}]
    return {"response": response, "labels": fenced(answer), "logprobs": None, "messages": messages, "images": images}


def test_a_predictions_file_may_be_its_own_truth(tmp_path: Path) -> None:
    """``labels`` is the truth, not the assistant message, which is the response; the task is seen from the answer."""
    file = _write(tmp_path / "result.jsonl", [_swift(POINT, fenced([])), _swift({"counts": 2, "label": "x"}, "[2")])
    matched = load_items(file, file)
    assert [item.truth.task for item in matched.items] == ["pointing", "counting"]
    assert [item.response for item in matched.items] == [fenced([]), "[2"]
    assert matched.items[0].truth.label == "polyps"
    assert (matched.matched_by, matched.items[0].truth.group) == ("order", "a")


def test_truth_may_be_our_lines_published_lines_or_bare_values(tmp_path: Path) -> None:
    """Assistant messages with a task beside them, and ``gt`` values with ``count`` or ``counts``."""
    user = {"role": "user", "content": "<image> ?", "task": "bounding", "source": "lower-gi"}
    truth = [
        {"messages": [user, {"role": "assistant", "content": fenced(BOX)}], "images": ["images/a.jpg"]},
        {"task": "counting", "gt": {"count": 3, "label": "normal sperm"}},
        {"task": "pointing", "gt": []},
    ]
    first, second, third = (one.truth for one in read_questions(_write(tmp_path / "t.jsonl", truth)))
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.task, first.boxes, first.source) == ("bounding", ((0.0, 0.0, 8.0, 8.0),), "lower-gi")
    assert (second.count, second.label) == (3, "normal")
    assert (third.count, third.points) == (0, ())


def test_answers_to_an_export_are_recognised_and_their_dialect_is_named(release: Path, tmp_path: Path) -> None:
    own = [one for one in read_questions(release, "train", "paligemma") if not one.left_out]
    assert len(own) < len(read_questions(release, "train"))
    answers = _write(tmp_path / "some.jsonl", [{"id": one.name, "response": ""} for one in own])
    with pytest.raises(DataError, match=r"questions of the export in .*paligemma.*: add --dialect \w+"):
        load_items(release, answers, "train")
    every = _write(
        tmp_path / "every.jsonl", [{"id": one.name, "response": ""} for one in read_questions(release, "train")]
    )
    with pytest.raises(DataError, match=r"add --split train\."):
        load_items(release, every)


def test_an_unfinished_file_is_scored_in_part_and_says_what_is_missing(release: Path, tmp_path: Path) -> None:
    every = [{"id": one.name, "response": ""} for one in read_questions(release, "train")]
    some = _write(tmp_path / "some.jsonl", every[:-2])
    with pytest.raises(DataError, match="2 questions have no prediction"):
        load_items(release, some, "train")
    matched = load_items(release, some, "train", partial=True)
    assert (matched.unanswered, matched.matched_by) == (2, "id")
    without = _write(tmp_path / "order.jsonl", [{"response": ""}])
    with pytest.raises(UsageError, match="--partial"):
        load_items(release, without, "train", partial=True)


def test_answers_on_another_scale_are_refused_by_name(tmp_path: Path) -> None:
    """Right as thousandths, they would be scored as wrong pixels."""
    true = [[100.0 * at, 50.0, 100.0 * at + 90, 150.0] for at in range(6)]
    as_said = [[round(value / side * 1000) for value, side in zip(box, (1280, 720) * 2, strict=True)] for box in true]
    asked = [{"task": "bounding", "gt": [{"bbox_2d": box}], "img_size": [1280, 720]} for box in true]
    truth = _write(tmp_path / "truth.jsonl", asked)
    said = [{"response": fenced([{"bbox_2d": box}])} for box in as_said]
    with pytest.raises(UsageError, match="not in pixels of the pictures: as thousandths of width and height"):
        load_items(truth, _write(tmp_path / "said.jsonl", said))
    right = _write(tmp_path / "right.jsonl", [{"response": fenced([{"bbox_2d": box}])} for box in true])
    assert 6 == len(load_items(truth, right).items)


def test_sizes_of_objects_come_from_another_question_about_the_same_image_and_label(tmp_path: Path) -> None:
    """A point question alone does not know them."""
    file = _write(tmp_path / "t.jsonl", [_swift(POINT, ""), _swift(BOX, ""), _swift(POINT, "", image="b")])
    points, _, other = (question.truth for question in read_questions(file))
    assert points is not None
    assert other is not None
    assert (points.boxes, other.boxes) == (((0.0, 0.0, 8.0, 8.0),), ())


def test_a_release_is_scored_with_what_it_knows(release: Path, tmp_path: Path) -> None:
    """Its own answers are perfect, absent objects included; boxes, video, group and size come from its tables."""
    questions = read_questions(release)
    lines = [line for file in sorted(release.glob("instructions/*.jsonl")) for line in file.read_bytes().splitlines()]
    answers = [json.loads(line)["messages"][1]["content"] for line in lines]
    file = _write(tmp_path / "p.jsonl", [{"response": answer} for answer in answers])
    matched = load_items(release, file)
    overall = scoring_report(matched.items)["strict"]["overall"]
    assert {overall[name]["value"] for name in ("point_f1_50", "mAP", "exact_count_accuracy", "absent_accuracy")} == {
        1.0
    }
    frame = next(one.truth for one in questions if one.truth and one.truth.video)
    assert (frame.source, frame.video, frame.image_size, frame.group) == (
        "visem_tracking",
        "11",
        (40, 30),
        "image:11_frame_0",
    )
    assert all(len(one.truth.boxes) == one.truth.count for one in questions if one.truth)


def test_predictions_with_ids_match_in_any_order(release: Path, tmp_path: Path) -> None:
    """By instruction_id, and one split can be chosen."""
    questions = read_questions(release, "test")
    lines = [{"instruction_id": one.name, "response": one.name} for one in reversed(questions)]
    matched = load_items(release, _write(tmp_path / "p.jsonl", lines), "test")
    assert matched.matched_by == "id"
    assert [item.response for item in matched.items] == [one.name for one in questions]


def test_a_number_is_an_id_and_so_is_zero(tmp_path: Path) -> None:
    """Lines that are numbered from 0 match by number, whatever their order."""
    truth = [{"id": n, "task": "counting", "gt": {"counts": n}} for n in range(3)]
    answers = [{"id": n, "response": str(n)} for n in (2, 0, 1)]
    matched = load_items(_write(tmp_path / "t.jsonl", truth), _write(tmp_path / "p.jsonl", answers))
    assert matched.matched_by == "id"
    assert [item.response for item in matched.items] == ["0", "1", "2"]


def _answers(number: int) -> list[dict[str, Any]]:
    return [{"response": "1"} for _ in range(number)]


TRUTH = [
    {"id": str(n), "task": "counting", "gt": {"counts": n, "label": "x"}, "images": [f"{n}.png"]} for n in range(3)
]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (_answers(2), "2 predictions for 3 questions"),
        (
            [{"id": "0", "response": ""}, {"id": "1", "response": ""}, {"id": "9", "response": ""}],
            "1 question has no prediction, first 2",
        ),
        ([{"id": str(n), "response": ""} for n in range(4)], "1 prediction answers no question, first 3"),
        ([{"id": "0", "response": ""}, {"id": "0", "response": ""}], "id 0 is in line 1 and again in line 2"),
        ([{"response": ""}, {"text": ""}], "line 2: no text under 'response'"),
        ([{"response": 3}], "line 1: no text under 'response', but a number"),
        ([{"response": ["1"]}], "line 1: no text under 'response', but a list"),
        ([{"response": {"counts": 1}}], "line 1: no text under 'response', but an object"),
        ([{"id": "0", "response": ""}, {"response": ""}, {"response": ""}], "2 of 3 lines have no id, first line 2"),
        ([{"id": f"a{n}", "response": ""} for n in range(3)], "3 questions have no prediction, first 0"),
        ([{"response": ""}, [1]], "line 2 is not a JSON object"),
        ([{"response": "", "images": [f"{n}.png"]} for n in (0, 2, 1)], "line 2 is about image 2, the truth at line 2"),
    ],
)
def test_what_does_not_fit_together_is_reported(lines: list[Any], words: str, tmp_path: Path) -> None:
    """With file and line, instead of scores that are off by one."""
    with pytest.raises(DataError, match=words):
        load_items(_write(tmp_path / "t.jsonl", TRUTH), _write(tmp_path / "p.jsonl", lines))


def test_ids_that_the_truth_has_not_are_not_passed_over(tmp_path: Path) -> None:
    """A truth without ids cannot be held against predictions with some: their order may be another."""
    truth = _write(tmp_path / "t.jsonl", [{"task": "counting", "gt": {"counts": 1}}])
    with pytest.raises(DataError, match="has ids, but 1 questions of t.jsonl have none, first line 1"):
        load_items(truth, _write(tmp_path / "p.jsonl", [{"id": "a", "response": "1"}]))


def _of_two_frames() -> Tables:
    """The tiny tables with a question about two pictures, the second of which is that of its record."""
    tables = make_tables()
    one = tables.instructions.filter(pl.col("answer").str.contains("bbox_2d"), task="bounding").head(1)
    (first,) = tables.images.filter(stem="c")["image_file"]
    shown = {"image_files": pl.concat_list(pl.lit(first), "image_file"), "task": pl.lit("same_class")}
    more = one.with_columns(instruction_id=pl.lit("z:same_class"), **shown)
    return replace(tables, instructions=pl.concat([tables.instructions, more]))


def test_all_pictures_of_a_question_are_held_against_those_of_the_line(tmp_path: Path) -> None:
    """In their order; the record's picture is the second of two frames."""
    folder = write_release(tmp_path / "release", _of_two_frames())
    files = [file.read_bytes().splitlines() for file in sorted(folder.glob("instructions/*.jsonl"))]
    answers = [
        {"response": line["messages"][1]["content"], "images": [{"bytes": None, "path": it} for it in line["images"]]}
        for line in map(json.loads, chain(*files))
    ]
    matched = load_items(folder, _write(tmp_path / "p.jsonl", answers))
    assert matched.matched_by == "order"
    assert "same_class" in {item.truth.task for item in matched.items}
    (two,) = (answer for answer in answers if len(answer["images"]) == 2)
    two["images"].reverse()
    with pytest.raises(DataError, match="different order"):
        load_items(folder, _write(tmp_path / "p.jsonl", answers))


@pytest.mark.parametrize(("before", "after"), [(b"\xef\xbb\xbf", b"\n"), (b"", b"\n\n \r\n"), (b"", b"")])
def test_what_editors_leave_at_the_ends_of_a_file_is_passed_over(before: bytes, after: bytes, tmp_path: Path) -> None:
    """A mark of UTF-8 before it, blank lines after it."""
    (tmp_path / "p.jsonl").write_bytes(before + b'{"response": "1"}' + after)
    assert [answer.response for answer in read_predictions(tmp_path / "p.jsonl")] == ["1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{\n", "p.jsonl, line 1 is not JSON"),
        (b'{"response": ""}\n\n{}', "line 2 is empty"),
        (b"", "p.jsonl is empty"),
        (b"\n\n", "p.jsonl is empty"),
        ('{"response": "1"}'.encode("utf-16"), "is written in UTF-16. Save it as UTF-8"),
        (b'[\n{"response": "1"}\n]\n', "is one JSON list. Give JSON Lines"),
    ],
)
def test_a_file_or_line_that_is_no_json_is_named(text: bytes, words: str, tmp_path: Path) -> None:
    """An empty line is one too: it may stand for a lost answer."""
    (tmp_path / "p.jsonl").write_bytes(text)
    with pytest.raises(DataError, match=words):
        load_items(_write(tmp_path / "t.jsonl", TRUTH), tmp_path / "p.jsonl")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"task": "pointing", "gt": [{"label": "x"}]}, "not one of the task pointing"),
        ({"task": "cnt_and_point", "gt": {"counts": 3, "point_2d": [[1, 2]]}}, "counts 3 and lists 1"),
        ({"labels": "no idea"}, "cannot be inferred|cannot be read"),
        ({"gt": []}, "cannot be inferred"),
        ({"task": "counting", "labels": "x"}, "cannot be read"),
        ({"task": "counting"}, "not one of the task"),
        ({"task": "counting", "gt": {"counts": 1}, "img_size": ["a", None]}, "line 1: img_size is not width and"),
        ({"task": "counting", "gt": {"counts": 1}, "img_size": [640]}, "line 1: img_size is not width and"),
    ],
)
def test_a_truth_that_is_none_is_named(line: dict[str, Any], words: str, tmp_path: Path) -> None:
    """A wrong truth would make every score wrong."""
    with pytest.raises(DataError, match=words):
        read_questions(_write(tmp_path / "t.jsonl", [line]))


def test_other_kinds_of_questions_are_counted_not_scored(tmp_path: Path) -> None:
    """They keep their place in the order."""
    truth = [{"task": "classification", "labels": "polyp"}, {"task": "counting", "gt": {"counts": 1}}]
    matched = load_items(_write(tmp_path / "t.jsonl", truth), _write(tmp_path / "p.jsonl", _answers(2)))
    assert (len(matched.items), matched.not_scored) == (1, {"classification": 1})


def test_missing_files_and_splits_are_usage_errors(release: Path, tmp_path: Path) -> None:
    """With what there is."""
    with pytest.raises(UsageError, match="cannot be read"):
        load_items(tmp_path / "none.jsonl", tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="it has test, train"):
        read_questions(release, "validation")
    with pytest.raises(UsageError, match="--split is for a release"):
        read_questions(_write(tmp_path / "t.jsonl", TRUTH), "test")


def test_published_items_score_perfectly_against_themselves(real: Path, tmp_path: Path) -> None:
    """Every real published answer is read, by both sets."""
    path = real / "medmultipoints" / "published_items.jsonl"
    answers = [fenced(json.loads(line)["gt"]) for line in path.read_bytes().splitlines()]
    matched = load_items(path, _write(tmp_path / "p.jsonl", [{"response": answer} for answer in answers]))
    report = scoring_report(matched.items)
    assert (len(matched.items), matched.not_scored, report["disagreements"]) == (len(answers), {}, [])
    assert [row["stopped"] + row["unreadable"] for row in report["published"].values()] == [0] * 5
    assert report["strict"]["overall"]["mAP"]["value"] == report["strict"]["overall"]["point_f1_25"]["value"] == 1


def _large_objects() -> Tables:
    """Objects of which a step of every frame is a small part, and none."""
    found = (
        ("hyperkvasir/a", "polyps", [(2.0, 3.0, 22.0, 29.0)]),
        ("hyperkvasir/b", "polyps", [(0.0, 0.0, 20.5, 31.0), (21.0, 2.0, 44.0, 30.0)]),
        ("visem_tracking/11_frame_0", "normal", [(3.1, 4.2, 29.7, 28.3)]),
        ("visem_tracking/11_frame_0", "cluster", []),
        ("kvasir_instrument/c", "instrument", [(0.0, 0.0, 40.0, 30.0)]),
    )
    return make_tables(found)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", [name for name, form in FORMS.items() if form.restore])
@pytest.mark.parametrize("with_ids", [True, False])
def test_true_answers_in_a_dialect_are_scored_as_true(dialect: str, with_ids: bool, tmp_path: Path) -> None:
    """The files of the export as responses, in their order or by id: 1.0 everywhere, within the rounding."""
    folder = write_release(tmp_path / "release", _large_objects())
    report = export_dialect(folder, tmp_path / "export", dialect)
    lines = []
    for split in report.splits:
        text = (tmp_path / "export" / FORMS[dialect].path(split)).read_text()
        lines += json.loads(text) if FORMS[dialect].listed else [json.loads(line) for line in text.splitlines()]
    kept = ("images", "image", *(["instruction_id"] if with_ids else []))
    answers = [{"response": _said(line)} | {key: line[key] for key in kept if key in line} for line in lines]
    matched = load_items(folder, _write(tmp_path / "p.jsonl", answers[:: -1 if with_ids else 1]), dialect=dialect)
    assert (len(matched.items), matched.left_out) == (report.entries, report.left_out)
    assert matched.matched_by == ("id" if with_ids else "order")
    scores = scoring_report(matched.items)
    perfect = ("exact_count_accuracy", "absent_accuracy", "point_f1_25", "box_f1_75")
    values = [row[name] for row in scores["strict"]["slices"]["task"].values() for name in perfect if name in row]
    assert set(values) == {1.0}
    assert scores["disagreements"] == []


def _said(line: dict[str, Any]) -> str:
    if "suffix" in line:
        return str(line["suffix"])
    turn = (line.get("messages") or line.get("completion") or line["conversations"])[-1]
    return str(turn.get("content", turn.get("value")))


def test_answers_to_questions_without_a_form_are_passed_over(release: Path, tmp_path: Path) -> None:
    """A model may be asked everything; what the dialect has no form for is left out and counted."""
    lines = [{"id": question.name, "response": ""} for question in read_questions(release)]
    matched = load_items(release, _write(tmp_path / "p.jsonl", lines), dialect="florence2")
    assert {item.truth.task for item in matched.items} == {"bounding"}
    assert len(matched.items) + sum(matched.left_out.values()) == len(lines)


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("coco", "has no questions that a model answers. Choose one of swift, llama-factory"),
        ("swift-objects", "Take --dialect qwen-vl-1000 for a model that answers from 0 to 1000"),
        ("qwen", "unknown dialect .qwen.; known are"),
    ],
)
def test_a_dialect_that_cannot_be_scored_says_which_can(dialect: str, words: str, release: Path) -> None:
    """Layouts hold no answers; ms-swift fills placeholders as each model wants them."""
    with pytest.raises(UsageError, match=words):
        read_questions(release, None, dialect)


def test_an_export_is_no_truth(release: Path, tmp_path: Path) -> None:
    """Its numbers are those of the dialect, so the message says what to give instead."""
    export_dialect(release, tmp_path / "export", "molmo")
    for truth in (tmp_path / "export", tmp_path / "export" / "test.jsonl"):
        with pytest.raises(UsageError, match="Give the release folder as --truth, and --dialect molmo"):
            read_questions(truth)
    with pytest.raises(UsageError, match="--dialect is for a release"):
        read_questions(_write(tmp_path / "t.jsonl", TRUTH), None, "molmo")
