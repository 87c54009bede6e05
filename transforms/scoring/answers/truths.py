"""Read the truth of a question from an answer of a release or file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value
from medmultipoints.transforms.scoring.answers.items import BOXES, COUNT, PARTS, POINTS, Truth, parts_of, task_of
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant


class NoTruth(ValueError):
    """The given answer cannot be the truth of its question; the message says why."""


def truth_from_text(known: Truth, text: str) -> Truth | None:
    """Return the truth (see ``truth_from_value``) from the text of an answer."""
    try:
        return truth_from_value(known, find_value(text))
    except NoAnswer as reason:
        if known.task and known.task not in PARTS:
            return None
        raise NoTruth(f"the true answer cannot be read ({reason})") from None


def truth_from_value(known: Truth, value: Any) -> Truth | None:
    """Return ``known`` completed by a true answer; None if this kind of question is not scored.

    An unknown task is inferred from the keys of the answer. The boxes of ``known`` are kept, for the sizes of the
    objects. Raise NoTruth if the answer lacks what the task asks for.
    """
    parts = parts_of(known.task, value)
    if not parts:
        if known.task:
            return None
        raise NoTruth("its task is not given and cannot be inferred from the answer")
    answer = read_tolerant(replace(known, parts=parts), orjson.dumps(value).decode())
    if answer.failure:
        raise NoTruth(f"the true answer is not one of the task {known.task or task_of(parts)} ({answer.failure})")
    points, boxes = answer.points or (), answer.boxes or ()
    count = answer.count if COUNT in parts else len(points or boxes)
    if (POINTS in parts and len(points) != count) or (BOXES in parts and len(boxes) != count):
        raise NoTruth(f"the true answer counts {count} and lists {len(points or boxes)} places")
    found = replace(known, task=known.task or task_of(parts), parts=parts, count=int(count or 0))
    found = replace(found, points=points, names=answer.names)
    labelled = found if found.label else replace(found, label=_label(value))
    return replace(labelled, boxes=boxes) if BOXES in parts else labelled


def _label(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    label = first.get("label") if isinstance(first, Mapping) else None
    return label if isinstance(label, str) else ""
