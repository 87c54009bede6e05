"""The shape of an answer: its keys in order and the types of their values."""

import json
import re
from itertools import chain
from typing import Any, Final

Shape = Any
POINT: Final = "point: two decimals"
BOX: Final = "box: four decimals"
_NUMBERS: Final = {POINT: 2, BOX: 4}
_NUMBER: Final = r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,20}"
_PLAIN: Final[dict[Any, str]] = {
    str: r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"',
    int: r"(?:0|[1-9][0-9]{0,14})",
    bool: r"(?:true|false)",
    float: _NUMBER,
    **{place: rf"\[{', '.join([_NUMBER] * length)}\]" for place, length in _NUMBERS.items()},
}


def has_shape(value: object, shape: Shape) -> bool:
    """Return whether a JSON value has exactly the keys, in order, and the types of a shape.

    Lists may be empty; an ``int`` is a count and not negative.
    """
    return _all_have_shape([value], shape)


def plain_pattern(shape: Shape) -> str:
    """Return the regular expression of a shape's JSON as written in answers; JSON that matches has the shape.

    One pass over a column of answers is ten times faster than a check of each value.
    """
    if isinstance(shape, dict):
        pairs = (f"{re.escape(json.dumps(key))}: {plain_pattern(part)}" for key, part in shape.items())
        return rf"\{{{', '.join(pairs)}\}}"
    if isinstance(shape, list):
        part = plain_pattern(shape[0])
        return rf"\[(?:{part}(?:, {part})*)?\]"
    return _PLAIN[shape]


def _all_have_shape(values: list[Any], shape: Shape) -> bool:
    """Return whether all values have the shape; checked key by key, which is fast for many equal parts."""
    if isinstance(shape, dict):
        keys = list(shape)
        if not all(isinstance(value, dict) and list(value) == keys for value in values):
            return False
        return all(_all_have_shape([value[key] for value in values], part) for key, part in shape.items())
    if isinstance(shape, list) or shape in _NUMBERS:
        if not set(map(type, values)) <= {list}:
            return False
        inner = list(chain.from_iterable(values))
        if isinstance(shape, list):
            return _all_have_shape(inner, shape[0])
        return set(map(len, values)) <= {_NUMBERS[shape]} and set(map(type, inner)) <= {float}
    return set(map(type, values)) <= {shape} and (shape is not int or all(value >= 0 for value in values))


def count_keys(value: Any, shape: Shape) -> int:
    """Return the number of keys in a value of this shape, nested ones included."""
    if isinstance(shape, dict):
        nested = [count_keys(value[key], part) for key, part in shape.items() if isinstance(part, dict | list)]
        return len(shape) + sum(nested)
    if isinstance(shape, list) and isinstance(shape[0], dict | list):
        return sum(count_keys(part, shape[0]) for part in value)
    return 0
