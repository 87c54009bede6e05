"""Match predictions with the questions that they answer."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from medmultipoints.data_lake.evaluate.json_lines import images_of, name_of, read_lines, refuse_repeats
from medmultipoints.data_lake.evaluate.questions import Question, read_questions
from medmultipoints.data_lake.release.export.dialect_lines import FORMS
from medmultipoints.data_lake.release.read.released_tables import splits_of
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.scoring.answers.items import Item
from medmultipoints.transforms.scoring.scales import find_scale

DESCRIPTION: Final = "description"
SEGMENTATION: Final = "segmentation"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One line of a predictions file."""

    number: int
    name: str
    images: tuple[str, ...]
    response: str


@dataclass(frozen=True, slots=True)
class Matched:
    """Questions to score and how they were matched; counts of those left out, by kind and by reason of the dialect.

    ``descriptions`` and ``masks``: for a release, the response to each question for a description or a mask, by id.
    """

    items: tuple[Item, ...]
    matched_by: Literal["id", "order"]
    not_scored: Mapping[str, int]
    left_out: Mapping[str, int]
    unanswered: int = 0
    descriptions: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, str] = field(default_factory=dict)


def load_items(
    truth: Path, predictions: Path, split: str | None = None, dialect: str | None = None, *, partial: bool = False
) -> Matched:
    """Return every question with its response: by id if predictions carry ids, by order if no line has one.

    Truth: a release folder, or JSON Lines with the answer in ``gt`` (a value), ``labels`` (a text, as ``swift infer``
    writes it) or the last assistant message. Predictions: JSON Lines with ``response``. DataError names the file and
    the line of invalid content, and what does not match. With a dialect, responses are in its form, to the questions in
    its export. ``partial``: questions without a prediction are left out and counted; this needs ids.
    """
    every = read_questions(truth, split, dialect)
    questions = [question for question in every if not question.left_out]
    without = {question.name for question in every if question.left_out}
    answers = [answer for answer in read_predictions(predictions) if not answer.name or answer.name not in without]
    by_id = _have_ids(questions, answers, truth, predictions)
    if partial:
        questions, unanswered = _answered(questions, answers, predictions, by_id=by_id)
    else:
        unanswered = 0
    if by_id:
        _refuse_others(questions, answers, predictions, lambda named: _remedy(truth, split, dialect, named))
    pairs = _by_id(questions, answers) if by_id else _by_order(questions, answers, predictions)
    scored = [(question.truth, question.restore(answer.response)) for question, answer in pairs if question.truth]
    apart = {task: _responses(pairs, task) if truth.is_dir() else {} for task in (DESCRIPTION, SEGMENTATION)}
    others = Counter(one.task for one in questions if not one.truth and one.name not in apart.get(one.task, {}))
    left_out = Counter(question.left_out for question in every if question.left_out)
    items = tuple(Item(known, response) for known, response in scored)
    if dialect is None:
        _refuse_other_scale(items, predictions, is_release=truth.is_dir())
    how: Literal["id", "order"] = "id" if by_id else "order"
    counts = dict(sorted(others.items())), dict(sorted(left_out.items())), unanswered
    return Matched(items, how, *counts, descriptions=apart[DESCRIPTION], masks=apart[SEGMENTATION])


def _responses(pairs: Iterable[tuple[Question, Prediction]], task: str) -> dict[str, str]:
    return {question.name: answer.response for question, answer in pairs if question.task == task}


def _answered(
    questions: Sequence[Question], answers: Sequence[Prediction], path: Path, *, by_id: bool
) -> tuple[list[Question], int]:
    """Return the questions with a prediction and the number without; UsageError if no line has an id."""
    if not by_id:
        raise UsageError(f"--partial: the lines of {path.name} have no ids, so which are missing is unknown. Add ids.")
    named = {answer.name for answer in answers}
    kept = [question for question in questions if question.name in named]
    return kept, len(questions) - len(kept)


def read_predictions(path: Path) -> list[Prediction]:
    """Return the lines of a predictions file.

    DataError for a line without ``response`` and for an id that occurs twice.
    """
    found = []
    for number, line in read_lines(path):
        response = line.get("response", "")
        if "response" not in line or not isinstance(response, str | None):
            kind = {"list": "a list", "dict": "an object"}.get(type(response).__name__, "a number")
            what = f", but {kind}" if "response" in line else ""
            raise DataError(
                f"{path.name}, line {number}: no text under 'response'{what}. "
                "Give the file `swift infer` wrote: one text a line, as the model wrote it."
            )
        found.append(Prediction(number, name_of(line), images_of(line), response or ""))
    refuse_repeats(path, [(answer.name, f"line {answer.number}") for answer in found])
    return found


def _have_ids(questions: Sequence[Question], answers: Sequence[Prediction], truth: Path, path: Path) -> bool:
    """Return whether every prediction has an id; DataError if only some do, or the truth has none."""
    without = [answer.number for answer in answers if not answer.name]
    if len(without) == len(answers):
        return False
    if without:
        raise DataError(
            f"{path.name}: {len(without)} of {len(answers)} lines have no id, first line {without[0]}. Give every "
            "line the `instruction_id` of its question, or take all ids away to match by order."
        )
    nameless = [question.place for question in questions if not question.name]
    if nameless:
        raise DataError(
            f"{path.name} has ids, but {len(nameless)} questions of {truth.name} have none, first {nameless[0]}. "
            "Give both the same ids, or take them away from the predictions to match by order."
        )
    return True


def _refuse_others(
    questions: Sequence[Question], answers: Sequence[Prediction], path: Path, remedy: Callable[[frozenset[str]], str]
) -> None:
    """Raise DataError unless questions and predictions match one to one."""
    named, asked = frozenset(one.name for one in answers), {one.name for one in questions}
    missing, unknown = [one.name for one in questions if one.name not in named], sorted(named - asked)
    for names, one, more in (
        (missing, "question has", "questions have no prediction"),
        (unknown, "prediction answers", "predictions answer no question"),
    ):
        if names:
            what = more if len(names) > 1 else f"{one} no {more.rpartition(' ')[2]}"
            raise DataError(f"{path.name}: {len(names):,} {what}, first {names[0]}. {remedy(named)}")


def _refuse_other_scale(items: Sequence[Item], path: Path, *, is_release: bool) -> None:
    """Raise UsageError if the answers fit the pictures on another scale but not in pixels."""
    found = find_scale(items)
    if found is None:
        return
    scale, fit, plain = found
    text = f"as {scale} they meet the objects by {fit:.2f}, as pixels by {plain:.2f}"
    dialects = "Add --dialect with the export that the model was trained on, or" if is_release else "For this truth,"
    raise UsageError(f"{path.name}: the answers are not in pixels of the pictures: {text}. {dialects} convert them.")


def _remedy(truth: Path, split: str | None, dialect: str | None, named: frozenset[str]) -> str:
    """Return the option that fits the ids of the predictions, among all dialects and splits of the release."""
    if truth.is_dir():
        fits = [
            name
            for name, form in FORMS.items()
            if form.restore and name != dialect and _asked(truth, split, name) == named
        ]
        if fits:
            which = fits[0] if len(fits) == 1 else "and the one that the model was trained on"
            return f"They are the questions of the export in {_either(fits)}: add --dialect {which}."
        splits = [name for name in splits_of(read_manifest(truth)) if _asked(truth, name, dialect) == named]
        if splits and split is None:
            return f"They are the questions of the split {splits[0]}: add --split {splits[0]}."
    if named < _asked(truth, split, dialect):
        return "Let the model answer all of them, or score the answered ones with --partial."
    return "Give the answers to the questions of this truth."


def _asked(truth: Path, split: str | None, dialect: str | None) -> set[str]:
    """Return the ids of the questions that have a form in the dialect."""
    try:
        return {one.name for one in read_questions(truth, split, dialect) if not one.left_out}
    except (DataError, UsageError):  # a dialect without answers to score
        return set()


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _by_id(questions: Sequence[Question], answers: Sequence[Prediction]) -> list[tuple[Question, Prediction]]:
    named = {answer.name: answer for answer in answers}
    return [(question, named[question.name]) for question in questions]


def _by_order(
    questions: Sequence[Question], answers: Sequence[Prediction], path: Path
) -> list[tuple[Question, Prediction]]:
    if len(questions) != len(answers):
        raise DataError(
            f"{path.name} holds {len(answers)} predictions for {len(questions)} questions. Without ids they are "
            "matched by order, so every question needs its line (an empty response where it is missing); "
            "choose a split of a release with --split."
        )
    for question, answer in zip(questions, answers, strict=True):
        if question.images and answer.images and question.images != answer.images:
            raise DataError(
                f"{path.name}, line {answer.number} is about image {', '.join(answer.images)}, the truth at "
                f"{question.place} about {', '.join(question.images)}: the files are in different order. "
                "Sort them alike, or give both ids."
            )
    return list(zip(questions, answers, strict=True))
