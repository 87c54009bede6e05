"""The shape of an answer: its keys in order and the types of their values."""

from itertools import chain
from typing import Any, Final

Shape = Any
POINT: Final = "point: two decimals"
BOX: Final = "box: four decimals"
_NUMBERS: Final = {POINT: 2, BOX: 4}


def has_shape(value: object, shape: Shape) -> bool:
    """Whether a JSON value has exactly the keys, in order, and the types of a shape.

    Lists may be empty; an ``int`` counts something and is not negative.
    """
    if isinstance(shape, dict):
        same = isinstance(value, dict) and list(value) == list(shape)
        return same and all(has_shape(value[key], part) for key, part in shape.items())  # type: ignore[index]
    if isinstance(shape, list):
        return isinstance(value, list) and _all_have_shape(value, shape[0])
    if shape in _NUMBERS:
        numbers = isinstance(value, list) and len(value) == _NUMBERS[shape]
        return numbers and all(type(number) is float for number in value)  # type: ignore[attr-defined]
    return type(value) is shape and (shape is not int or value >= 0)  # type: ignore[operator]


def _all_have_shape(values: list[Any], shape: Shape) -> bool:
    if shape not in (POINT, BOX):
        return all(has_shape(part, shape) for part in values)
    lists = set(map(type, values)) <= {list} and set(map(len, values)) <= {_NUMBERS[shape]}
    return lists and set(map(type, chain.from_iterable(values))) <= {float}
