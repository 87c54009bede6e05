"""Every answer read back from its text and derived again from its record, apart from the code that wrote it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.names import Name, Names, allowed_names, labels_present
from medmultipoints.transforms.instructions.proofs.rows import prove_rows
from medmultipoints.transforms.instructions.stated import Stated, WrongShape, read_answer, read_prompt_example
from medmultipoints.transforms.instructions.tasks import MORE_TASKS, keeps_box_digits

_ROUNDING_PX: Final = 0.05 + 1e-6
_SLICE_ROWS: Final = 16384  # keeps the nested Python lists of one step small
_RECORD: Final = column_names("records", "asked")
_SAME: Final = column_names("instructions", "of_record")
_PLACEHOLDER: Final = re.compile(r"\{\w*\}")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Truth:
    """What is known beside the records: names allowed, labels per image, files and certain absences."""

    names: Names
    policy: str
    present: Mapping[str, frozenset[str]]
    images: Mapping[str, tuple[str, frozenset[str]]]


def check_instructions(
    instructions: pl.DataFrame,
    records: pl.DataFrame,
    images: pl.DataFrame,
    names: Names,
    *,
    policy: str,
    other_labels: Mapping[str, Collection[str]] | None = None,
    objects: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """instruction_id, ok and reason (empty when ok) of each instruction, in the order given.

    An instruction is ok when its answer says exactly what its record says: the count, the points within the
    rounding to 0.1 px, the boxes too (under the policy ``published`` as the same float32 numbers), all under one name
    that the label may have in that image, which is the only name in the prompt; and when the prompt's example has the
    shape of the answer. A count of zero needs a label whose absence is certain. Columns beyond those of
    ``read_jsonl`` are held against the record where present. Rows of other tasks than the published are proved from
    the scenes of their images (``transforms.instructions.proofs``), which need ``objects``; without them they are not
    ok.
    """
    rows = images.select("image_sha256", "image_file", "labels_exhaustive").iter_rows()
    files = {image: (file, frozenset(certain)) for image, file, certain in rows}
    truth = _Truth(names, policy, labels_present(records, other_labels), files)
    mention = _mention(names)
    prompts = _read_prompts(instructions, names, mention)
    reasons: list[str] = []
    for part in instructions.iter_slices(_SLICE_ROWS):
        wanted = records.select(_RECORD).join(part.select("record_id").unique(), on="record_id", how="semi")
        by_id = {record["record_id"]: record for record in wanted.iter_rows(named=True)}
        reasons += [_reason(row, by_id.get(row["record_id"]), prompts, truth) for row in part.iter_rows(named=True)]
    more = instructions.with_row_index("row").filter(pl.col("task").is_in(MORE_TASKS))
    if more.height and objects is not None:
        lexicon = Lexicon(names, policy, truth.present)
        singular = {form.lower(): name.singular for name in names.forms for form in (name.plural, name.singular)}

        def mentions(text: str) -> set[str]:
            return {singular[found.lower()] for found in mention.findall(text)}

        for row, reason in prove_rows(more, records, objects, images, lexicon, mentions):
            reasons[row] = reason
    verdicts = instructions.select("instruction_id").with_columns(pl.Series("reason", reasons, dtype=pl.String))
    return verdicts.select("instruction_id", (pl.col("reason") == "").alias("ok"), "reason")


def _mention(names: Names) -> re.Pattern[str]:
    """Finds every form of a name in a text, the longest that stands at a place."""
    forms = {form for name in names.forms for form in (name.singular, name.plural)}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)", re.IGNORECASE)


def _read_prompts(
    instructions: pl.DataFrame, names: Names, mention: re.Pattern[str]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Name and reason of each distinct (task, prompt) of the published tasks: there are far fewer of them than rows."""
    singulars = {name.singular: name for name in names.forms}
    pairs = instructions.filter(~pl.col("task").is_in(MORE_TASKS)).select("task", "prompt").unique().iter_rows()
    return {(task, prompt): _read_prompt(task, prompt, mention, singulars) for task, prompt in pairs}


def _read_prompt(task: str, prompt: str, mention: re.Pattern[str], singulars: Mapping[str, Name]) -> tuple[str, str]:
    if not prompt.startswith("<image>") or prompt.count("<image>") > 1 or _PLACEHOLDER.search(prompt):
        return "", "prompt_unfinished"
    try:
        example = read_prompt_example(task, prompt)
    except WrongShape:
        return "", "prompt_shape_differs"
    name = singulars.get(next(iter(example.labels), ""))
    if name is None or len(example.labels) > 1:
        return "", "prompt_names_differ"
    if {found.lower() for found in mention.findall(prompt)} - {name.singular.lower(), name.plural.lower()}:
        return "", "prompt_names_differ"
    return name.singular, ""


def _reason(row: Row, record: Row | None, prompts: Mapping[tuple[str, str], tuple[str, str]], truth: _Truth) -> str:
    if record is None:
        return "record_unknown"
    if row["task"] in MORE_TASKS:
        return "not_proved"
    name, prompt_reason = prompts[row["task"], row["prompt"]]
    return (
        _identity_reason(row, record, truth)
        or prompt_reason
        or _name_reason(row, record, name, truth)
        or _answer_reason(row, record, name, truth.policy)
    )


def _identity_reason(row: Row, record: Row, truth: _Truth) -> str:
    if row["instruction_id"] != f"{record['record_id']}:{row['task']}":
        return "instruction_id_differs"
    for column in _SAME:
        if row.get(column, record[column]) != record[column]:
            return f"{column}_differs"
    file, certain = truth.images.get(record["image_sha256"], ("", frozenset()))
    if row["image_file"] != file or row.get("image_files", [file]) != [file]:
        return "image_file_differs"
    if row.get("object_ids"):
        return "object_ids_differ"
    return "absence_uncertain" if record["count"] == 0 and record["label"] not in certain else ""


def _name_reason(row: Row, record: Row, name: str, truth: _Truth) -> str:
    alone = truth.present.get(record["image_sha256"]) == frozenset({record["label"]})
    allowed = allowed_names(truth.names, truth.policy, record["label"], alone)
    if name not in {choice.singular for choice in allowed}:
        return "name_not_allowed"
    return "" if row.get("name", name) == name else "name_differs"


def _answer_reason(row: Row, record: Row, name: str, policy: str) -> str:
    try:
        stated = read_answer(row["task"], row["answer"])
    except WrongShape:
        return "answer_shape_differs"
    if stated.labels - {name}:
        return "label_differs"
    if stated.count is not None and stated.count != record["count"]:
        return "count_differs"
    return _places_reason(stated, record, exact_boxes=keeps_box_digits(policy))


def _places_reason(stated: Stated, record: Row, *, exact_boxes: bool) -> str:
    points, boxes, count = record["points"], record["bbox"], record["count"]
    if stated.points is not None and not _same_places(stated.points, points, count, numbers=2):
        return "points_differ"
    if stated.boxes is None:
        return ""
    exact = stated.boxes == boxes and len(boxes) == count
    held = exact if exact_boxes else _same_places(stated.boxes, boxes, count, numbers=4)
    return "" if held else "boxes_differ"


def _same_places(stated: list[list[float]], true: list[list[float]], count: int, *, numbers: int) -> bool:
    if not len(stated) == len(true) == count or any(len(place) != numbers for place in (*stated, *true)):
        return False
    pairs = zip(chain.from_iterable(stated), chain.from_iterable(true), strict=True)
    return all(-_ROUNDING_PX <= a - b <= _ROUNDING_PX and round(a, 1) == a for a, b in pairs)
