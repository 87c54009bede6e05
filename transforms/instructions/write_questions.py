"""Questions beside the published: asked of scenes, worded by templates."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from medmultipoints.transforms.instructions.prompts import Templates, render_prompt
from medmultipoints.transforms.instructions.questions.question import Question, Words
from medmultipoints.transforms.instructions.registry import REGISTRY
from medmultipoints.transforms.instructions.scenes import gather_scenes

_SLICE_ROWS: Final = 4096  # keeps the Python rows of one step few


def write_questions(
    records: pl.DataFrame,
    objects: pl.DataFrame,
    images: pl.DataFrame,
    templates: Templates,
    words: Words,
    tasks: Sequence[str],
    schema: dict[str, pl.DataType],
) -> Iterator[pl.DataFrame]:
    """The instructions of these tasks, in frames of the schema, in no order."""
    rows: list[tuple[object, ...]] = []
    for group in gather_scenes(records, objects, images):
        for task in tasks:
            rows += [_row(question, templates, words) for question in REGISTRY[task].ask(group, words)]
        if len(rows) >= _SLICE_ROWS:
            yield pl.DataFrame(rows, schema=schema, orient="row")
            rows = []
    yield pl.DataFrame(rows, schema=schema, orient="row")


def _row(question: Question, templates: Templates, words: Words) -> tuple[object, ...]:
    home, instruction_id = question.home, question.instruction_id
    choices = templates.by_task[question.task]
    template = words.pick(range(len(choices)), "template", instruction_id)
    prompt = render_prompt(choices[template], question.name, question.slots, len(question.pictures))
    files = list(question.pictures)
    identity = (instruction_id, question.record_id, home.image_sha256, home.image_file, files, home.split, home.source)
    name = question.name.singular if question.name else ""
    asked = (home.classification, question.label, question.task, template, name)
    return (*identity, *asked, prompt, write_answer(question.content), list(question.object_ids))


def write_answer(content: object) -> str:
    """The content as JSON on one line in a fenced block, with the blanks of the published answers."""
    return f"```json\n{json.dumps(content, ensure_ascii=False)}\n```"
