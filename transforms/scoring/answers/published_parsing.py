"""Parse answers like the published evaluation, quirks included.

Source of every rule: ``evaluate_qwen.py`` of https://github.com/simula/PointDetectCount (the program behind
Table I of arXiv 2505.16647). If that program would stop with an error, the part counts as empty here and
``stopped`` is set, so that one malformed line does not stop the evaluation.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeVar

from medmultipoints.transforms.instructions.answers.fences import read_fenced
from medmultipoints.transforms.scoring.answers.items import BOXES, COUNT, PARTS, POINTS, Places

_KEYS: Final = {POINTS: ("point_2d", 2), BOXES: ("bbox_2d", 4)}
_ODD: Final = (AttributeError, TypeError, ValueError, KeyError, OverflowError)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class PublishedAnswer:
    """Count and places of an answer; ``readable`` is False without a fenced JSON block."""

    count: float = 0
    points: Places = ()
    boxes: Places = ()
    readable: bool = True
    stopped: bool = False


def read_block(text: str) -> tuple[Any, bool]:
    """Return the JSON value of the first fenced ``json`` block (any case) and True.

    An empty list and False without one.
    """
    block = read_fenced(text, "published")
    if block is None:
        return [], False
    try:
        return json.loads(block), True
    except (ValueError, RecursionError):
        return [], False


def read_published(task: str, response: str) -> PublishedAnswer:
    """Return the answer that the published evaluation reads from a response to one of the five tasks."""
    value, readable = read_block(response)
    count, odd_count = _attempt(lambda: _asked_count(task, value), 0.0)
    none: Places = ()
    points, odd_points = _attempt(lambda: _asked_places(task, POINTS, value), none)
    boxes, odd_boxes = _attempt(lambda: _asked_places(task, BOXES, value), none)
    return PublishedAnswer(count, points, boxes, readable, odd_count or odd_points or odd_boxes)


def _attempt(read: Callable[[], Found], empty: Found) -> tuple[Found, bool]:
    try:
        return read(), False
    except _ODD:
        return empty, True


def _asked_count(task: str, value: Any) -> float:
    if COUNT not in PARTS[task]:
        return 0.0
    return _count(value) if PARTS[task] == (COUNT,) else _combined_count(value)


def _asked_places(task: str, part: str, value: Any) -> Places:
    if part not in PARTS[task]:
        return ()
    key, size = _KEYS[part]
    return _places(_listed(value, key, task), size)


def _count(value: Any) -> float:
    """Return the last integer under a key with "count", in a dict or the first entry of a list; otherwise 0.

    A list whose first entry has a point or a box counts by its length.
    """
    if isinstance(value, list) and value:
        first = value[0]
        if first.get("bbox_2d") or first.get("point_2d"):
            return len(value)
        if not any("count" in key for key in first):
            raise ValueError("the published program waits in its debugger")
        value = first
    entries = [] if value == [] else value.items()
    counts = [number for key, number in entries if "count" in key and isinstance(number, int)]
    return _number(counts[-1] if counts else 0)


def _combined_count(value: Any) -> float:
    """Return the value of ``counts`` or 0; a list counts by its length."""
    if isinstance(value, list):
        return 0 if value == [[]] else len(value)
    return _number(value.get("counts", 0))


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1e15:
        raise ValueError("not a number to average")
    return float(value)


def _listed(value: Any, key: str, task: str) -> Any:
    """Return the places as written: from each entry of a list, or under the key of a combined task's dict."""
    if COUNT not in PARTS[task]:
        entries = [value] if isinstance(value, dict) else value
        return [entry.get(key, []) for entry in entries]
    listed = [entry.get(key, []) for entry in value if value != [[]]] if isinstance(value, list) else value.get(key)
    return [] if listed in (None, [[]]) else listed


def _places(places: Any, size: int) -> Places:
    """Return the places as rows of numbers.

    Raise ValueError for ragged rows and for empty boxes; empty points are no points.
    """
    if all(place == [] for place in places) and (size == 2 or places == []):
        return ()
    if not all(isinstance(place, list) and len(place) == size for place in places):
        raise ValueError("ragged")
    if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in chain.from_iterable(places)):
        raise ValueError("not numbers")
    return tuple(tuple(map(float, place)) for place in places)
