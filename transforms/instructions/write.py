"""Instructions: one prompt and answer per record and published task, and the questions of all other tasks."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.columns.tables import column_names, schema_of
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.names import Name, Names, allowed_names, labels_present
from medmultipoints.transforms.instructions.prompts import Templates, render_prompt
from medmultipoints.transforms.instructions.questions.question import Words
from medmultipoints.transforms.instructions.tasks import (
    ALL_TASKS,
    TASKS,
    Objects,
    answer_text,
    keeps_box_digits,
    round_place,
)
from medmultipoints.transforms.instructions.write_questions import write_questions

SCHEMA: Final = {name: kind for name, kind in schema_of("instructions").items() if name != "answer_rederived"}
_FILED: Final = ("record_id", "image_sha256", "image_file")
_COPIED: Final = tuple(name for name in column_names("instructions", "of_record") if name not in _FILED)
_READ: Final = column_names("records", "asked")
_SLICE_ROWS: Final = 4096  # keeps the nested Python lists of one step small

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Wording:
    """What decides the wording of an instruction apart from its record."""

    templates: Templates
    names: Names
    tasks: tuple[str, ...]
    seed: int | str
    policy: str
    present: Mapping[str, frozenset[str]]


def write_instructions(
    records: pl.DataFrame,
    images: pl.DataFrame,
    templates: Templates,
    names: Names,
    *,
    tasks: Sequence[str] = TASKS,
    seed: int | str,
    policy: str,
    other_labels: Mapping[str, Collection[str]] | None = None,
    objects: pl.DataFrame | None = None,
    shares: Mapping[str, float] | None = None,
    absent: float = 0.5,
) -> pl.DataFrame:
    """The instructions table: each record with each published task, and what other tasks ask, sorted by id.

    Template and name are drawn by sha256 of seed, record_id and task, so another record changes no row. The one
    exception is meant: a name that holds only where a label is alone goes when another label joins the image;
    ``other_labels`` (labels per image_sha256 that have objects but no record) makes that independent of a
    recipe's choice of labels. ``answer_rederived`` is the verdict of ``check_instructions``.
    Tasks beside the published need ``objects``; for ``shares`` and ``absent`` see ``Words``.
    UsageError for an unknown task, a task without templates, a label without a name.
    """
    chosen, present = _known(tasks, templates), labels_present(records, other_labels)
    wording = _Wording(templates, names, tuple(task for task in chosen if task in TASKS), seed, policy, present)
    more = [task for task in chosen if task not in TASKS]
    files = images.select("image_sha256", "image_file")
    wanted = records.select(_READ).join(files, on="image_sha256", how="left").sort("record_id")
    parts = [pl.DataFrame(schema=SCHEMA)]
    parts += [_write_slice(part, wording) for part in wanted.iter_slices(_SLICE_ROWS)]
    if more and objects is None:
        raise UsageError(f"task {more[0]}: asks about objects. Give the objects table.")
    if more and objects is not None:
        words = Words(Lexicon(names, policy, present), seed, shares or {}, absent)
        parts += write_questions(records, objects, images, templates, words, more, SCHEMA)
    written = pl.concat(parts).sort("instruction_id")
    checked = check_instructions(
        written, records, images, names, policy=policy, other_labels=other_labels, objects=objects
    )
    return written.with_columns(checked["ok"].alias("answer_rederived"))


def _known(tasks: Sequence[str], templates: Templates) -> tuple[str, ...]:
    for task in tasks:
        if task not in ALL_TASKS:
            raise UsageError(f"task {task}: no such task. Choose from {', '.join(ALL_TASKS)}.")
        if task not in templates.by_task:
            raise UsageError(f"task {task}: no templates. Add its template file.")
    return tuple(dict.fromkeys(tasks))


def _write_slice(records: pl.DataFrame, wording: _Wording) -> pl.DataFrame:
    rows = [row for record in records.iter_rows(named=True) for row in _write_record(record, wording)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _write_record(record: Row, wording: _Wording) -> Iterator[tuple[object, ...]]:
    alone = wording.present.get(record["image_sha256"]) == frozenset({record["label"]})
    choices = allowed_names(wording.names, wording.policy, record["label"], alone)
    if not choices:
        label = record["label"]
        raise UsageError(f"label {label}: no name under box policy {wording.policy}. Add it to the names file.")
    points = [round_place(point) for point in record["points"]]
    boxes = record["bbox"] if keeps_box_digits(wording.policy) else [round_place(box) for box in record["bbox"]]
    filed, copied = (tuple(record[column] for column in columns) for columns in (_FILED, _COPIED))
    files = [record["image_file"]]
    for task in wording.tasks:
        number, name = _draw(record["record_id"], task, choices, wording)
        prompt = render_prompt(wording.templates.by_task[task][number], name)
        answer = answer_text(task, Objects(name.singular, record["count"], points, boxes))
        row = (f"{record['record_id']}:{task}", *filed, files, *copied, task, number, name.singular, prompt, answer)
        yield (*row, [])


def _draw(record_id: str, task: str, choices: tuple[Name, ...], wording: _Wording) -> tuple[int, Name]:
    digest = hashlib.sha256(f"{wording.seed}:{record_id}:{task}".encode()).digest()
    template, name = (int.from_bytes(part) for part in (digest[:8], digest[8:16]))
    return template % len(wording.templates.by_task[task]), choices[name % len(choices)]
