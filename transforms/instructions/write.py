"""Write instructions: the questions of each task, rendered by templates, with every answer proved."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import polars as pl
import pyarrow as pa

from medmultipoints.transforms.columns.tables import arrow_schema, empty_frame, load_table, schema_of
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.all_tasks import TASKS
from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Names, labels_present
from medmultipoints.transforms.instructions.prompts import Templates, render_prompt
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene, gather_scenes

SCHEMA: Final = {name: kind for name, kind in schema_of("instructions").items() if name != "answer_rederived"}
_TYPES: Final = [arrow_schema(load_table("instructions")).field(name).type for name in SCHEMA]
_JSON: Final = json.JSONEncoder(ensure_ascii=False)
_SLICE_ROWS: Final = 4096  # limits the rows held as Python objects


def write_instructions(
    records: pl.DataFrame,
    images: pl.DataFrame,
    templates: Templates,
    names: Names,
    *,
    tasks: Sequence[str] = PUBLISHED,
    seed: int | str,
    policy: str,
    other_labels: Mapping[str, Collection[str]] | None = None,
    objects: pl.DataFrame | None = None,
    shares: Mapping[str, float] | None = None,
    absent: float = 0.5,
) -> pl.DataFrame:
    """Return the table ``instructions``, sorted by instruction_id.

    Published tasks are asked once about every record; template and name are drawn by the sha256 of
    "seed:record_id:task", so no row depends on another. Boxes keep all digits of their record under the box policy
    ``published`` and are rounded to 0.1 px otherwise; points are always rounded. ``other_labels`` are labels of objects
    in an image that have no record. Other tasks are asked about scenes, which need ``objects``; ``shares`` and
    ``absent`` are explained at ``QuestionContext``. Raise UsageError for an unknown task, a task without templates, or
    a label without a name.
    """
    chosen = _known(tasks, templates)
    context = QuestionContext(Lexicon(names, policy, labels_present(records, other_labels)), seed, shares or {}, absent)
    groups = _gather(chosen, records, objects, images)
    questions = (question for group in groups for task in chosen for question in TASKS[task].ask(group, context))
    parts = [_frame(part, templates, context) for part in iter(lambda: list(islice(questions, _SLICE_ROWS)), [])]
    written = pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).sort("instruction_id")
    checked = check_instructions(
        written, records, images, names, policy=policy, other_labels=other_labels, objects=objects
    )
    return written.with_columns(checked["ok"].alias("answer_rederived"))


def _known(tasks: Sequence[str], templates: Templates) -> tuple[str, ...]:
    for task in tasks:
        if task not in TASKS:
            raise UsageError(f"task {task}: unknown task. Choose from {', '.join(TASKS)}.")
        if task not in templates.by_task:
            raise UsageError(f"task {task}: no templates. Add its template file.")
    return tuple(dict.fromkeys(tasks))


def _gather(
    tasks: Sequence[str], records: pl.DataFrame, objects: pl.DataFrame | None, images: pl.DataFrame
) -> Iterator[tuple[Scene, ...]]:
    """Yield the groups of scenes that the tasks ask about; published tasks need no objects."""
    others = [task for task in tasks if task not in PUBLISHED]
    if others and objects is None:
        raise UsageError(f"task {others[0]}: asks about objects. Give the objects table.")
    known = empty_frame(load_table("objects")) if objects is None or not others else objects
    stills = any(TASKS[task].stills for task in tasks)  # other tasks ask about a still alone, in whichever group
    return gather_scenes(records, known, images, stills=stills)


def _frame(questions: Sequence[Question], templates: Templates, context: QuestionContext) -> pl.DataFrame:
    """Return the rows of these questions, built column by column, ten times faster in polars than row by row."""
    rows = [_row(question, templates, context) for question in questions]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), _TYPES, strict=True)]
    return pl.DataFrame(pa.table(columns, names=list(SCHEMA)))


def _row(question: Question, templates: Templates, context: QuestionContext) -> tuple[object, ...]:
    """Return the cells of one instruction."""
    home, instruction_id, files = question.home, question.instruction_id, question.pictures
    choices = templates.by_task[question.task]
    if question.template is None:
        template = context.pick(range(len(choices)), "template", instruction_id)
    else:
        template = question.template % len(choices)
    prompt = render_prompt(choices[template], question.name, question.slots, len(files))
    identity = (instruction_id, question.record_id, home.image_sha256, home.image_file, files, home.split, home.source)
    name = question.name.singular if question.name else ""
    asked = (home.classification, question.label, question.task, template, name)
    answer = write_fenced(question.json or _JSON.encode(question.content))
    return (*identity, *asked, prompt, answer, list(question.object_ids))
