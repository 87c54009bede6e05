"""Answers to the questions about a source, as keys and values of its declaration."""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from medmultipoints.transforms.sources.annotated import Question

NOT_ASSUMED: Final = frozenset({"shapes.ellipse", "annotators", "licence"})
"""Questions whose likely answer could count false objects."""


def likely_answers(questions: Iterable[Question]) -> dict[str, Any]:
    """Return the likely answers to open questions by key, without those in ``NOT_ASSUMED``."""
    return {
        question.key: choice_value(question.default)
        for question in questions
        if question.default is not None and question.key not in NOT_ASSUMED
    }


def nest_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with dotted keys as nested tables."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *tables, last = key.split(".")
        place = nested
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    return nested


def choice_value(text: str) -> Any:
    """Return the TOML value of a choice, or the text itself if it is not TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
