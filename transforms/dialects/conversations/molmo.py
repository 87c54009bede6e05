"""Molmo and PixMo: points in percent of width and height, as XML-like text; no boxes.

Source of the rule: Molmo's data formatter. Coordinates are rounded to one decimal first, then sorted by x and y;
names are in lower case.
"""

import html
import re
from collections.abc import Sequence
from typing import Final

from medmultipoints.transforms.dialects.conversations.answers import (
    Facts,
    Mark,
    Unsupported,
    check_text,
    read_content,
    read_facts,
)
from medmultipoints.transforms.dialects.conversations.encode import ASSISTANT, Line, ids_of
from medmultipoints.transforms.dialects.conversations.prompts import asked_name, check_ask
from medmultipoints.transforms.dialects.conversations.responses import restore_facts
from medmultipoints.transforms.dialects.frames import PERCENT, Size, decode, encode_point
from medmultipoints.transforms.dialects.items import Item, refuse_other_tasks

NONE: Final = "There are none."
_TAG: Final = re.compile(r'<points? (?P<places>.*?) ?alt="(?P<name>[^"]*)">')
_NUMBER: Final = re.compile(r'\b([xy])\d*="([\d.]+)"')
_TOTAL: Final = re.compile(r"shows a total of (\d+)\.$")


def encode(item: Item) -> Line:
    """Return the instruction as question and answer, with PixMo's columns; raise Unsupported for boxes.

    An answer that is a count also points at the counted objects, as Molmo does; the points come from the record.
    """
    refuse_other_tasks(item, "Molmo")
    content = read_content(item.answer)
    ask = check_ask(item.prompt.ask)
    if content is None:
        return _line(item, ask, check_text(item.answer), None, item.label)
    facts = read_facts(content)
    if "bbox_2d" in item.answer or "bbox_2d" in item.prompt.request:
        raise Unsupported("boxes: Molmo has points only")
    if facts.count is None and not facts.marks and content != []:
        raise Unsupported("an answer that is neither points nor a number")
    name = (facts.marks[0].name if facts.marks else asked_name(item.prompt.request) or item.label).lower()
    places = [mark.numbers for mark in facts.marks] or (list(item.points) if facts.count else [])
    if facts.count is not None and facts.count != len(places):
        raise Unsupported("a count without its points")
    points = sorted(encode_point(PERCENT, place, item.size) for place in places)
    answer = _tag(points, name)
    if facts.count:
        answer = f"Counting the {answer} shows a total of {len(points)}."
    return _line(item, ask, answer, points, name)


def restore(item: Item, response: str) -> str:
    """Return a response as an answer of the release; unchanged if it has neither a tag nor "There are none."."""
    return restore_facts(item.task, response, lambda text: read_points(text.strip(), item.size))


def read_points(text: str, size: Size) -> Facts | None:
    """Return the facts of an answer, in pixels; None if it has neither a tag nor "There are none."."""
    total = _TOTAL.search(text)
    if text == NONE:
        return Facts((), 0)
    marks: list[Mark] = []
    for found in _TAG.finditer(text):
        values = [float(value) for _, value in _NUMBER.findall(found["places"])]
        name = html.unescape(found["name"])
        marks += [Mark(name, decode(PERCENT, pair, size)) for pair in zip(values[::2], values[1::2], strict=True)]
    return Facts(tuple(marks), int(total[1]) if total else None) if marks else None


def _line(item: Item, ask: str, answer: str, points: Sequence[Sequence[float]] | None, name: str) -> Line:
    pixmo = {
        "label": name,
        "points": None if points is None else [{"x": x, "y": y} for x, y in points],
        "count": None if points is None else len(points),
    }
    messages = [{"role": "user", "content": ask}, {"role": ASSISTANT, "content": answer}]
    return {"image": item.image, **pixmo, "messages": messages} | ids_of(item)


def _tag(points: Sequence[Sequence[float]], name: str) -> str:
    safe = html.escape(name)
    if not points:
        return NONE
    if len(points) == 1:
        return f'<point x="{points[0][0]:.1f}" y="{points[0][1]:.1f}" alt="{safe}">{safe}</point>'
    places = " ".join(f'x{number}="{x:.1f}" y{number}="{y:.1f}"' for number, (x, y) in enumerate(points, 1))
    return f'<points {places} alt="{safe}">{safe}</points>'
