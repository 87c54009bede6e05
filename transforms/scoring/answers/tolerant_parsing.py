"""Parse answers leniently for the strict metrics, with a reason for each failure.

Only the scoring is strict: a missing fence does not lower a score.
"""

import html
import math
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value, is_number
from medmultipoints.transforms.scoring.answers.items import BOXES, COUNT, POINTS, Answer, Truth

POINT_KEYS: Final = ("point_2d", "points_2d", "point", "points")
BOX_KEYS: Final = ("bbox_2d", "bboxes_2d", "bbox", "bboxes", "box_2d", "box", "boxes")
_SIDES: Final = {POINTS: (POINT_KEYS, 2), BOXES: (BOX_KEYS, 4)}
_MOLMO: Final = re.compile(r"<points?\b([^>]*)>", re.IGNORECASE)
_MOLMO_NUMBER: Final = r"""["'](-?(?:\d+\.?\d*|\.\d+))["']"""
_MOLMO_PAIR: Final = re.compile(rf"\bx(\d*)\s*=\s*{_MOLMO_NUMBER}\s*y\1\s*=\s*{_MOLMO_NUMBER}")
_MOLMO_TOTAL: Final = re.compile(r"total of (\d{1,9})")
_MOLMO_NONE: Final = re.compile(r"\s*there are none\.?\s*", re.IGNORECASE)
_MOLMO_NAME: Final = re.compile(r"""\balt\s*=\s*(["'])(.*?)\1""")
MAX_COUNT: Final = 1_000_000_000
Named = tuple[str, tuple[float, ...]]


class _Wrong(Exception):
    """A part of the answer that cannot be used; the message is the reason."""


def read_tolerant(truth: Truth, response: str) -> Answer:
    """Return the answer of a response, or the reason why it cannot be read.

    Accepted are: JSON in a fence, bare, or between text; one object or a list; a number under any key with "count"
    (otherwise the number of places); points and boxes nested or flat; Molmo points, in percent of
    ``truth.image_size``; "There are none.". Reasons of failure: empty, no_json, broken_json, count_missing, bad_count,
    points_missing, boxes_missing, bad_points, bad_boxes, size_unknown, contradiction (``present`` contradicts the
    places).
    """
    if _MOLMO.search(response) or _MOLMO_NONE.fullmatch(response):
        return _read_molmo(truth, response)
    try:
        value = find_value(response)
    except NoAnswer as reason:
        return Answer(failure=str(reason))
    present = _single(value).get("present") if isinstance(_single(value), dict) else None
    answer = _read_parts(truth, value)
    return answer if type(present) is not bool else _check_presence(present, answer, truth)


def _read_parts(truth: Truth, value: Any) -> Answer:
    """Return the requested parts of a JSON value; the first failure is kept."""
    found: dict[str, Any] = {}
    names: tuple[str, ...] = ()
    failure = ""
    for part in (POINTS, BOXES, COUNT):  # the count may be the number of places
        if part in truth.parts:
            try:
                found[part] = _read_count(value, found) if part == COUNT else _read_places(value, part)
            except _Wrong as reason:
                failure = failure or str(reason)
    for part in {POINTS, BOXES} & found.keys():
        names = tuple(name for name, _ in found[part])
        found[part] = tuple(place for _, place in found[part])
    return Answer(found.get(COUNT), found.get(POINTS), found.get(BOXES), failure, names)


def _check_presence(present: bool, answer: Answer, truth: Truth) -> Answer:
    """Return the answer if it agrees with its own ``present``; otherwise a contradiction.

    "Not present" without places means none.
    """
    stated = (answer.count, answer.points, answer.boxes)
    if any(stated) if not present else any(part in (0, ()) for part in stated):
        return Answer(failure="contradiction")
    if present or answer.failure.startswith("bad_"):
        return answer
    asked = [part in truth.parts for part in (COUNT, POINTS, BOXES)]
    return Answer(0 if asked[0] else None, () if asked[1] else None, () if asked[2] else None)


def _single(value: Any) -> Any:
    """Return the only entry of a list, otherwise the value itself."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _read_places(value: Any, part: str) -> tuple[Named, ...]:
    """Return all points or boxes with their names, as written.

    An empty list, or a count of 0 without places, gives no places.
    """
    keys, size = _SIDES[part]
    entries = value if isinstance(value, list) and not _is_place(value, size) else [value]
    listed = [(_name_of(entry), _value_of(entry, keys)) for entry in entries]
    found = [(name, places) for name, places in listed if places is not None]
    if not found and value != [] and not (isinstance(value, dict) and _stated_count(value) == 0):
        raise _Wrong(f"{part}_missing")
    return tuple((name, tuple(map(float, place))) for name, places in found for place in _flat(places, size, part))


def _name_of(entry: Any) -> str:
    name = entry.get("label") if isinstance(entry, dict) else ""
    return name if isinstance(name, str) else ""


def _value_of(entry: Any, keys: Iterable[str]) -> Any:
    """Return the places of one entry as written, or None."""
    if not isinstance(entry, dict):
        return entry if isinstance(entry, list) else None
    if "point_2d" in keys and {"x", "y"} <= set(entry) and not {"width", "height"} & set(entry):
        return [entry["x"], entry["y"]]
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _flat(places: Any, size: int, part: str) -> list[list[float]]:
    """Return one place or a list of places as a list; raise _Wrong for anything else."""
    nested = [places] if _is_place(places, size) else places
    if not isinstance(nested, list) or not all(_is_place(place, size) for place in nested if place != []):
        raise _Wrong(f"bad_{part}")
    return [place for place in nested if place]


def _is_place(value: Any, size: int) -> bool:
    # The comparison is false for nan and infinity, too.
    return isinstance(value, list) and len(value) == size and all(is_number(n) and abs(n) <= MAX_COUNT for n in value)


def _read_count(value: Any, found: dict[str, Any]) -> int:
    """Return the stated count, otherwise the number of places.

    For a list without places, return the first entry's count, or the length.
    """
    if is_number(value):
        return _whole(value)
    single = _single(value)
    if isinstance(single, dict) and (stated := _stated_count(single)) is not None:
        return stated
    places = len(next(iter(found.values()))) if found else _places_listed(value)
    if places is not None:
        return places
    if isinstance(value, list):
        first = _stated_count(value[0]) if isinstance(value[0], dict) else None
        return len(value) if first is None else first
    raise _Wrong("count_missing")


def _places_listed(value: Any) -> int | None:
    """Return the number of points or boxes that a value lists, whichever is larger; None if it lists neither."""
    numbers = []
    for part in _SIDES:
        with suppress(_Wrong):
            numbers.append(len(_read_places(value, part)))
    return max(numbers, default=None)


def _stated_count(entry: dict[str, Any]) -> int | None:
    """Return the first number under a key with "count", or None."""
    for key, value in entry.items():
        if "count" in key.lower() and value is not None:
            return _whole(int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else value)
    return None


def _whole(value: Any) -> int:
    if not is_number(value) or not 0 <= value <= MAX_COUNT or value != math.floor(value):
        raise _Wrong("bad_count")
    return int(value)


def _read_molmo(truth: Truth, response: str) -> Answer:
    """Return the points, written in percent of width and height, and the stated total, if any."""
    tags = [(_MOLMO_NAME.search(tag), _MOLMO_PAIR.findall(tag)) for tag in _MOLMO.findall(response)]
    pairs = [(float(x), float(y)) for _, places in tags for _, x, y in places]
    none = _MOLMO_NONE.fullmatch(response)
    count = _molmo_count(response, len(pairs) if pairs or none else None) if COUNT in truth.parts else None
    if BOXES in truth.parts:
        return Answer(count, boxes=() if none else None, failure="" if none else "boxes_missing")
    if POINTS not in truth.parts:
        return Answer(count, failure="count_missing" if count is None else "")
    if any(min(pair) < 0 or max(pair) > 100 for pair in pairs) or not (pairs or none):
        return Answer(count, failure="bad_points")
    if pairs and truth.image_size is None:
        return Answer(count, failure="size_unknown")
    width, height = truth.image_size or (0, 0)
    names = tuple(html.unescape(name[2]) if name else "" for name, places in tags for _ in places)
    return Answer(count, tuple((x * width / 100, y * height / 100) for x, y in pairs), names=names)


def _molmo_count(response: str, listed: int | None) -> int | None:
    """Return the stated total, otherwise the number of points; None for a tag without either."""
    total = _MOLMO_TOTAL.search(response)
    return int(total[1]) if total else listed
