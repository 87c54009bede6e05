"""Find the JSON value in a response: fenced, bare, or surrounded by text."""

import json
import re
from typing import Any, Final

from medmultipoints.transforms.instructions.answers.fences import read_fenced

_OPENING: Final = re.compile(r"[\[{]")
_LIKE_JSON: Final = re.compile(r"[\[{]\s*[\[\]{}\"\-\d]")
_COMMA_AT_END: Final = re.compile(r",(?=\s*[\]}])")
_NUMBER: Final = re.compile(r"\s*(\d{1,9})\s*\.?\s*")


class NoAnswer(Exception):
    """No value can be read; the message is the reason: empty, no_json or broken_json."""


def find_value(response: str) -> Any:
    """Return the first JSON value that can be an answer: a dict, a list of dicts, lists or numbers, or a number.

    A comma before a closing bracket is allowed, because the published prompts have one. Raise NoAnswer if there is no
    such value.
    """
    if not response.strip():
        raise NoAnswer("empty")
    fenced = read_fenced(response, "any")
    for text in (response,) if fenced is None else (fenced, response):
        found, value = _first_value(text)
        if found:
            return value
    number = _NUMBER.fullmatch(response if fenced is None else fenced)
    if number is None:
        raise NoAnswer("no_json")
    return int(number[1])


def _first_value(text: str) -> tuple[bool, Any]:
    """Return whether there is a value, and the value; raise NoAnswer if JSON begins but is broken."""
    position = 0
    while opening := _OPENING.search(text, position):
        position = opening.end()
        if not _LIKE_JSON.match(text, opening.start()):
            continue
        value, position = _decode(text, opening.start())
        if _can_answer(value):
            return True, value
    return False, None


def _decode(text: str, start: int) -> tuple[Any, int]:
    """Return the value that begins at a position, and its end."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    for written in (text, _COMMA_AT_END.sub(" ", text)):
        try:
            return decoder.raw_decode(written, start)
        except (ValueError, RecursionError):
            continue
    raise NoAnswer("broken_json")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _can_answer(value: Any) -> bool:
    if isinstance(value, dict) or value == []:
        return True
    if not isinstance(value, list):
        return False
    return isinstance(value[0], (dict, list)) or (len(value) in (2, 4) and all(map(is_number, value)))


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number; booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
