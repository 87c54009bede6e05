"""Complete declared sources before a build: add what the files prove, and stop at open questions."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medmultipoints.data_lake.archives.source_files import SourceFiles
from medmultipoints.flows.recipe.sources import why_left_out
from medmultipoints.transforms.errors import DataError, MemberProblem, SourceDataError, UsageError
from medmultipoints.transforms.problems import problems
from medmultipoints.transforms.sources.annotated import Question
from medmultipoints.transforms.sources.declaration.model import Declaration, merge_read
from medmultipoints.transforms.sources.declaration.used_keys import refuse_unused
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from medmultipoints.transforms.sources.inspecting.unread import find_unread
from medmultipoints.transforms.sources.reading.listing import listed

Table = Mapping[str, Any]
LICENCE_CHOICES = ('"CC0-1.0"', '"CC-BY-4.0"', '"CC-BY-NC-4.0"', '"LicenseRef-research-only"', '"LicenseRef-unknown"')


class OpenQuestions(UsageError):
    """Declared sources leave questions open that the data cannot answer; the message lists each with a line for it."""

    def __init__(self, questions: Mapping[str, tuple[Question, ...]]) -> None:
        self.questions = questions
        count = sum(map(len, questions.values()))
        what = "1 question is open" if count == 1 else f"{count} questions are open"
        lines = [line for name, asked in questions.items() for line in _lines(name, asked)]
        super().__init__(f"{what}:\n" + "\n".join(lines) + f"\n{_remedy(questions)}")


def _remedy(questions: Mapping[str, tuple[Question, ...]]) -> str:
    """Return the remedy: accept the likely answer of a question with ``accept``, or answer it."""
    asked = [(f"{name}.{question.key}", question.default) for name, own in questions.items() for question in own]
    without = [key for key, default in asked if default is None]
    if len(without) == len(asked):
        return "Answer in the recipe; no likely answer is known."
    remedy = "Answer in the recipe, or take the likely answers with accept = true in the table of the source"
    return f"{remedy}; without one: {', '.join(without)}." if without else f"{remedy}."


def complete_sources(
    tables: Mapping[str, Table],
    open_files: Callable[[str], SourceFiles],
    *,
    places: Mapping[str, Path] | None = None,
    leave_out: bool = False,
) -> dict[str, dict[str, Any]]:
    """Return the tables of declared sources with complete ``read`` tables, and the keys of accepted defaults.

    With ``leave_out`` a source that cannot be read has the reason in its key ``broken``, with its name instead of its
    path in ``places``. Errors: OpenQuestions with those of all sources; UsageError or DataError if a source cannot be
    read.
    """
    complete: dict[str, dict[str, Any]] = {}
    questions: dict[str, tuple[Question, ...]] = {}
    for name, table in tables.items():
        try:
            complete[name], questions[name] = _complete(name, table, open_files(name))
        except (DataError, UsageError) as error:
            if not leave_out:
                raise
            complete[name] = {key: value for key, value in table.items() if key != "accept"}
            complete[name]["broken"] = why_left_out(error, name, table, (places or {}).get(name))
    still_open = {name: asked for name, asked in questions.items() if asked}
    if still_open:
        raise OpenQuestions(still_open)
    return complete


def head_questions(table: Table) -> tuple[Question, ...]:
    """Return the open questions of a source's own table: no file proves the licence."""
    if table.get("licence"):
        return ()
    return (
        Question("licence", "Under which licence may the source be used?", LICENCE_CHOICES, '"LicenseRef-unknown"'),
    )


def _complete(name: str, table: Table, files: SourceFiles) -> tuple[dict[str, Any], tuple[Question, ...]]:
    stated: dict[str, Any] = dict(table.get("read") or {})
    accepted: list[Question] = []
    try:
        found = recognise_source(files, stated)
        while found is not None and (likely := _next_accepted(table, found.questions, accepted)) is not None:
            accepted.append(replace(likely, key=f"read.{likely.key}"))
            stated = merge_read(stated, _answer(likely))
            found = recognise_source(files, stated)
    except UsageError as error:
        raise UsageError(f"sources.{name}.{error}" if str(error).startswith("read.") else str(error)) from error
    except MemberProblem as problem:
        raise SourceDataError(name, str(files.path), problem.detail, "Correct the file, or leave it out.") from problem
    if found is None:
        unread = "".join(f" {hint.text}." for hint in find_unread(listed(files)))
        what = (
            f"nothing is read as the format {stated['format']}" if stated.get("format") else "no format is recognised"
        )
        raise UsageError(
            f"sources.{name}: {what} in {files.path}.{unread} medmultipoints inspect {files.path} shows what was found."
        )
    in_read = (replace(question, key=f"read.{question.key}") for question in found.questions)
    questions = (*head_questions(table), *in_read)
    taken = [question for question in questions if _is_accepted(table.get("accept", False), question)]
    merged = merge_read(dict(table), {"read": merge_read(found.read, stated)})
    if all(question.key != "format" for question in found.questions):
        _refuse_unused(name, merged["read"])
    for question in taken:
        merged = merge_read(merged, _answer(question))
    accepted += taken
    merged["guessed"] = sorted({*table.get("guessed", ()), *(question.key for question in accepted)})
    merged.pop("accept", None)
    still_open = tuple(question for question in questions if question not in taken)
    try:
        if not still_open:  # a label from a pattern's placeholder waits for that pattern
            Declaration.model_validate(merged["read"])
    except ValidationError as error:
        raise UsageError(f"sources.{name}.read: {problems(error, Declaration)}.") from error
    return merged, still_open


def _refuse_unused(name: str, read: Table) -> None:
    try:
        refuse_unused(read)
    except UsageError as error:
        raise UsageError(f"sources.{name}.{error}") from error


def _next_accepted(table: Table, questions: tuple[Question, ...], before: list[Question]) -> Question | None:
    """Return the first question whose likely answer is accepted; that answer may change the later questions."""
    keys = {question.key for question in before}
    in_read = ((question, replace(question, key=f"read.{question.key}")) for question in questions)
    accept = table.get("accept", False)
    return next((own for own, q in in_read if q.key not in keys and _is_accepted(accept, q)), None)


def _is_accepted(accept: object, question: Question) -> bool:
    if question.default is None:
        return False
    return accept is True or (isinstance(accept, list | tuple) and question.key in accept)


def _answer(question: Question) -> dict[str, Any]:
    """Return a question's default, in its nested tables."""
    value: Any = tomllib.loads(f"answer = {question.default}")["answer"]
    for part in reversed(question.key.split(".")):
        value = {part: value}
    return dict(value)


def _lines(name: str, asked: tuple[Question, ...]) -> list[str]:
    """Return each question with the line that answers it, grouped by table under one heading."""
    tables: dict[str, list[str]] = {}
    for question in asked:
        table, _, key = f"sources.{name}.{question.key}".rpartition(".")
        choices = f" Choices: {' | '.join(question.choices)}" if question.choices else ""
        value = question.default or (question.choices[0] if question.choices else '"…"')
        tables.setdefault(table, []).append(f"    {key} = {value}   # {question.text}{choices}")
    return [line for table, held in tables.items() for line in (f"    [{table}]", *held)]
