"""What the text of an answer states, read strictly: the keys, their order and the types of its task, else nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import orjson

_OPENING: Final = "```json\n"
_CLOSING: Final = "\n```"
_JSON_START: Final = re.compile(r'\[?\{"')
_COORDINATES: Final = {"point_2d": 2, "bbox_2d": 4}
# Keys of each task, in order; a task with "counts" answers with one object, the others with a list of objects.
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "pointing": ("point_2d", "label"),
    "bounding": ("bbox_2d", "label"),
    "counting": ("counts", "label"),
    "cnt_and_point": ("counts", "point_2d", "label"),
    "count_and_box": ("counts", "bbox_2d", "label"),
}


class WrongShape(Exception):
    """The text is not an answer of the task."""


@dataclass(frozen=True, slots=True)
class Stated:
    """The content of an answer; None for what its task does not state."""

    labels: frozenset[str]
    count: int | None
    points: list[list[float]] | None
    boxes: list[list[float]] | None


def read_answer(task: str, answer: str) -> Stated:
    """What an answer states. WrongShape unless it is one fenced block with exactly the shape of its task."""
    if not answer.startswith(_OPENING) or not answer.endswith(_CLOSING):
        raise WrongShape("not a fenced block of JSON")
    return _read(task, answer[len(_OPENING) : -len(_CLOSING)])


def read_prompt_example(task: str, prompt: str) -> Stated:
    """What the JSON example that ends a prompt states. WrongShape unless it has exactly the shape of the task."""
    return _read(task, prompt[example_start(prompt) :])


def example_start(prompt: str) -> int:
    """Where the JSON example of a prompt begins. WrongShape without one."""
    start = _JSON_START.search(prompt)
    if start is None:
        raise WrongShape("no JSON example")
    return start.start()


def _read(task: str, text: str) -> Stated:
    keys = _KEYS.get(task)
    if keys is None:
        raise WrongShape("no such task")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WrongShape("not JSON") from error
    stated = _read_object(keys, value) if "counts" in keys else _read_list(keys, value)
    entries = 1 if isinstance(value, dict) else len(value)
    if text.count('"') != entries * 2 * (len(keys) + 1):  # more quotes: a key twice
        raise WrongShape("a key occurs twice")
    return stated


def _read_object(keys: tuple[str, ...], value: object) -> Stated:
    content = _mapping(keys, value)
    count = content["counts"]
    if type(count) is not int or count < 0:
        raise WrongShape("counts is not a number of objects")
    places = {key: _places(key, content[key]) for key in keys if key in _COORDINATES}
    return Stated(_labels([content]), count, places.get("point_2d"), places.get("bbox_2d"))


def _read_list(keys: tuple[str, ...], value: object) -> Stated:
    if not isinstance(value, list):
        raise WrongShape("not a list")
    entries = [_mapping(keys, entry) for entry in value]
    places = _places(keys[0], [entry[keys[0]] for entry in entries])
    points, boxes = (places if keys[0] == key else None for key in _COORDINATES)
    return Stated(_labels(entries), None, points, boxes)


def _mapping(keys: tuple[str, ...], value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or tuple(value) != keys:
        raise WrongShape(f"keys are not {', '.join(keys)}")
    return value


def _labels(entries: list[dict[str, Any]]) -> frozenset[str]:
    labels = [entry["label"] for entry in entries]
    if not set(map(type, labels)) <= {str}:
        raise WrongShape("a label is not text")
    return frozenset(labels)


def _places(key: str, value: object) -> list[list[float]]:
    if not isinstance(value, list):
        raise WrongShape(f"{key} is not a list")
    size = _COORDINATES[key]
    if not set(map(type, value)) <= {list} or not set(map(len, value)) <= {size}:
        raise WrongShape(f"{key} does not hold lists of {size} numbers")
    if not set(map(type, chain.from_iterable(value))) <= {float}:
        raise WrongShape(f"{key} does not hold decimal numbers")
    return value
