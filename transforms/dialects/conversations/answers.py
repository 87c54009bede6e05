"""Read answers as JSON, and as marks (named points and boxes) with a count."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from json import JSONEncoder
from typing import Any, Final

import orjson

from medmultipoints.transforms.instructions.answers.fences import read_fenced, write_fenced

_LENGTHS: Final = {"point_2d": 2, "bbox_2d": 4}
_FRAMELESS: Final = frozenset({"per_image", "regions"})  # lists of counts and of positions in a list
_ENCODER: Final = JSONEncoder(ensure_ascii=False)
_DEEPEST: Final = 12
_NUMBERS_IN_TEXT: Final = re.compile(r"[(\[]\s*-?\d+(\.\d+)?\s*,\s*-?\d")

Convert = Callable[[Sequence[float]], Any]


class Unsupported(ValueError):
    """A dialect cannot express an instruction; exports count these by message."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A named point (``x, y``) or box (``x1, y1, x2, y2``), in pixels of the released picture."""

    name: str
    numbers: tuple[float, ...]

    @property
    def is_box(self) -> bool:
        return len(self.numbers) == 4


@dataclass(frozen=True, slots=True)
class Facts:
    """The marks of an answer in order, and its count, if any."""

    marks: tuple[Mark, ...]
    count: int | None = None


def read_content(answer: str) -> Any:
    """Return the JSON value of an answer's fenced block; None if the answer is plain text.

    Raise Unsupported if the block is not JSON.
    """
    block = read_fenced(answer)
    if block is None:
        return None
    try:
        return orjson.loads(block)
    except orjson.JSONDecodeError as error:
        raise Unsupported("the answer's block is not JSON") from error


def write_json(content: Any) -> str:
    """Return the JSON on one line, with the spacing of published answers."""
    return _ENCODER.encode(content)


def write_content(content: Any) -> str:
    """Return the JSON in a fenced block, in the form of published answers."""
    return write_fenced(write_json(content))


def convert_numbers(content: Any, point: Convert, box: Convert) -> Any:
    """Return the content with every point and box converted by the given functions.

    Points are found under ``point_2d``, boxes under ``bbox_2d``, alone or in a list. Raise Unsupported for a list of
    numbers elsewhere, whose frame is unknown.
    """
    return _convert(content, {"point_2d": point, "bbox_2d": box}, None, 0)


def refuse_pixels(content: Any) -> None:
    """Raise Unsupported if an answer has lengths, masks or outlines in pixels of the released picture."""
    keys = {key for entry in _objects(content, 0) for key in entry}
    if any(key.endswith("_px") or "_px_" in key for key in keys):
        raise Unsupported("lengths in pixels of the released picture")
    if {"rle", "polygon"} & keys:
        raise Unsupported("a mask in pixels of the released picture")


def read_facts(content: Any) -> Facts:
    """Return the marks and the count of a JSON answer; each mark has the label of its JSON object."""
    marks: list[Mark] = []
    counts: list[int] = []
    for entry in _objects(content, 0):
        label = entry.get("label")
        for key in _LENGTHS:
            places = _places(key, entry[key]) if key in entry else ()
            marks += [Mark(label if isinstance(label, str) else "", tuple(map(float, place))) for place in places]
        if type(entry.get("counts")) is int:
            counts.append(entry["counts"])
    return Facts(tuple(marks), counts[0] if len(counts) == 1 else None)


def check_text(text: str) -> str:
    """Return the text unchanged; raise Unsupported if it has coordinates, which cannot be converted in free text."""
    if _NUMBERS_IN_TEXT.search(text):
        raise Unsupported("coordinates in free text")
    return text


def _convert(value: Any, functions: dict[str, Convert], key: str | None, depth: int) -> Any:
    """Return a JSON value with its points and boxes converted."""
    if depth > _DEEPEST:
        raise Unsupported("the answer's JSON is nested too deeply")
    if key in functions:
        changed = [functions[key](numbers) for numbers in _places(key, value)]
        return changed if not _is_numbers(value) else changed[0]
    if isinstance(value, dict):
        return {name: _convert(part, functions, name, depth + 1) for name, part in value.items()}
    if key in _FRAMELESS and _is_numbers(value):
        return value
    if isinstance(value, list):
        if _is_numbers(value):
            raise Unsupported(f"numbers under the key {key}" if key else "rows of numbers that are not boxes or points")
        return [_convert(part, functions, None, depth + 1) for part in value]
    return value


def _objects(content: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        raise Unsupported("the answer's JSON is nested too deeply")
    if isinstance(content, dict):
        yield content
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for part in parts:
        yield from _objects(part, depth + 1)


def _places(key: str, value: Any) -> list[Sequence[float]]:
    places = [value] if _is_numbers(value) else value
    if not isinstance(places, list) or not all(_is_numbers(item) and len(item) == _LENGTHS[key] for item in places):
        raise Unsupported(f"{key} does not hold {_LENGTHS[key]} numbers per place")
    return places


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) in (int, float) for item in value)
