"""Read the questions of a release or a file, with their true answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.evaluate.json_lines import (
    image_name,
    images_of,
    messages_of,
    name_of,
    read_lines,
    refuse_repeats,
    stated_answer,
)
from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.data_lake.release.export.dialect_lines import FORMS, LeftOut
from medmultipoints.data_lake.release.export.dialect_rows import read_items
from medmultipoints.data_lake.release.export.dialects import find_dialect
from medmultipoints.data_lake.release.export.folder import read_mark
from medmultipoints.data_lake.release.export.plain import choose_splits
from medmultipoints.data_lake.release.read.released_tables import check_split, read_all_instructions, read_parquet
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.dialects.conversations.answers import Unsupported
from medmultipoints.transforms.dialects.items import Item
from medmultipoints.transforms.dialects.registry import Conversation
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.scoring.answers.found_json import is_number
from medmultipoints.transforms.scoring.answers.items import Places, Truth
from medmultipoints.transforms.scoring.answers.truths import NoTruth, truth_from_text, truth_from_value

Restore = Callable[[str], str]
_MODELS_OWN = (
    "ms-swift writes the numbers of each model. Take --dialect qwen-vl-1000 for a model that answers from 0 to 1000 "
    "(Qwen2-VL, Qwen3-VL, InternVL), qwen2.5-vl for Qwen2.5-VL, and none for one that "
    "answers in pixels of the released picture"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the truth, in order; ``truth`` is None if its kind of question is not scored.

    ``name`` is the given id, empty without one; ``images`` are the names of its pictures without folder and
    extension, in order. ``restore`` turns a response into an answer of the release; ``left_out`` says why a dialect has
    no form for the question.
    """

    place: str
    name: str
    images: tuple[str, ...]
    task: str
    truth: Truth | None
    restore: Callable[[str], str] = str
    left_out: str = ""


def read_questions(truth: Path, split: str | None = None, dialect: str | None = None) -> list[Question]:
    """Return the questions of a release, by split in file order, or of a file in its order.

    A file is JSON Lines as ``stated_answer`` reads it. DataError names the line or instruction whose answer is not a
    valid truth. With a dialect, responses are in its form.
    """
    refuse_exports(truth)
    if truth.is_dir():
        forms = read_forms(truth, split, dialect) if dialect else {}
        return [_in_dialect(question, forms) for question in _release_questions(truth, split)]
    for option, value in (("split", split), ("dialect", dialect)):
        if value is not None:
            raise UsageError(f"--{option} is for a release; a file is taken whole, as it is. Give the release folder.")
    labels = _labels_by_name()
    found = [_labelled(_file_question(truth, number, line), labels) for number, line in read_lines(truth)]
    refuse_repeats(truth, [(question.name, question.place) for question in found])
    return _with_sibling_boxes(found)


def _release_questions(folder: Path, split: str | None) -> Iterator[Question]:
    manifest = read_manifest(folder)
    check_split(manifest, split)
    records = read_parquet(folder, manifest, "data", split).select(
        "record_id", "sample_id", "label", "source", "video_id", "bbox", "img_size"
    )
    groups = read_parquet(folder, manifest, "images", split).select("sample_id", "group_id")
    by_id = {row["record_id"]: row for row in records.join(groups, on="sample_id").iter_rows(named=True)}
    for row in read_all_instructions(folder, manifest, split).iter_rows(named=True):
        name, record = row["instruction_id"], by_id.get(row["record_id"])
        if record is None:
            raise DataError(f"instruction {name}: the release has no such record. Run `medmultipoints verify`.")
        images, known = tuple(map(image_name, row["image_files"])), _known_truth(name, row["task"], record)
        yield Question(f"instruction {name}", name, images, row["task"], _complete(known, name, row["answer"]))


def _in_dialect(question: Question, forms: Mapping[str, Restore | LeftOut]) -> Question:
    form = forms.get(question.name)
    if isinstance(form, LeftOut):
        return replace(question, left_out=form.why)
    return replace(question, restore=form) if form else question


def _known_truth(name: str, task: str, record: Mapping[str, Any]) -> Truth:
    width, height = record["img_size"]
    texts = {key: record[key] for key in ("label", "source")}
    video, group = record["video_id"] or "", record["group_id"]
    boxes = tuple(map(tuple, record["bbox"]))
    return Truth(name, task, (), 0, boxes=boxes, video=video, group=group, image_size=(width, height), **texts)


def _complete(known: Truth, place: str, answer: object) -> Truth | None:
    try:
        return truth_from_text(known, answer) if isinstance(answer, str) else truth_from_value(known, answer)
    except NoTruth as reason:
        raise DataError(f"{place}: {reason}. Give the truth as the release or `swift infer` wrote it.") from reason


def _file_question(path: Path, number: int, line: Mapping[str, Any]) -> Question:
    place, name, images = f"line {number}", name_of(line), images_of(line)
    first = next(iter(messages_of(line)), {})
    video = str(line.get("video_id") or "")
    known = Truth(
        item_id=name or place,
        task=str(line.get("task") or first.get("task") or ""),
        parts=(),
        count=0,
        label=str(line.get("label") or ""),
        source=str(line.get("source") or first.get("source") or ""),
        video=video,
        group=str(line.get("group_id") or video or next(iter(images), "")),
        image_size=_size_of(line.get("img_size"), f"{path.name}, {place}"),
    )
    return Question(place, name, images, known.task, _complete(known, f"{path.name}, {place}", stated_answer(line)))


def _size_of(stated: object, place: str) -> tuple[int, int] | None:
    if stated is None:
        return None
    if not isinstance(stated, list) or len(stated) != 2 or not all(is_number(side) and side >= 1 for side in stated):
        raise DataError(f"{place}: img_size is not width and height in pixels. Correct it, or leave it out.")
    return int(stated[0]), int(stated[1])


def _labels_by_name() -> dict[str, str]:
    """Return the label of each object name: answers say both "sperm" and "normal sperm" for one label."""
    policies = load_names().by_policy.values()
    return {choice.name.singular: label for by in policies for label, choices in by.items() for choice in choices}


def _labelled(question: Question, labels: Mapping[str, str]) -> Question:
    truth = question.truth
    return replace(question, truth=replace(truth, label=labels.get(truth.label, truth.label))) if truth else question


def _with_sibling_boxes(questions: Sequence[Question]) -> list[Question]:
    """Return the questions; point questions get object sizes from a box question on the same label and image."""
    truths = [(question.images, question.truth) for question in questions if question.images and question.truth]
    known = {(images, truth.label): truth.boxes for images, truth in truths if truth.boxes}
    return [_with_boxes(question, known) for question in questions]


def _with_boxes(question: Question, known: Mapping[tuple[tuple[str, ...], str], Places]) -> Question:
    truth = question.truth
    if truth is None or truth.boxes:
        return question
    return replace(question, truth=replace(truth, boxes=known.get((question.images, truth.label), ())))


def read_forms(folder: Path, split: str | None, dialect: str) -> dict[str, Restore | LeftOut]:
    """Return, by instruction id, how to restore an answer from a response, or why the export left it out.

    UsageError for a dialect without responses, or with responses in the model's own form.
    """
    restore, form = _form(dialect)
    manifest = read_manifest(folder)
    found: dict[str, Restore | LeftOut] = {}
    for name in choose_splits(manifest, split):
        for item in read_items(folder, manifest, name):
            try:
                form.encode(item)
                found[item.instruction_id] = partial(restore, item)
            except Unsupported as reason:
                found[item.instruction_id] = LeftOut(dialect, item.instruction_id, item.record_id, str(reason))
    return found


def _form(dialect: str) -> tuple[Callable[[Item, str], str], Conversation]:
    form = find_dialect(dialect).form
    usual = ", ".join(name for name, one in FORMS.items() if one.restore)
    if not isinstance(form, Conversation):
        raise UsageError(f"--dialect {dialect}: it has no questions that a model answers. Choose one of {usual}.")
    if form.restore is None:
        raise UsageError(f"--dialect {dialect}: {_MODELS_OWN}.")
    return form.restore, form


def refuse_exports(truth: Path) -> None:
    """Raise UsageError for an export in a dialect or one of its files, whose numbers differ from the release's."""
    mark = read_mark(truth if truth.is_dir() else truth.parent)
    if mark and (dialect := mark.get("dialect")):
        raise UsageError(
            f"{truth} is of an export in the dialect {dialect}. Give the release folder as --truth, and "
            f"--dialect {dialect}."
        )
