"""The five tasks of the published dataset: names, keys, and byte-exact text of the answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import orjson

Numbers = Sequence[float]
KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "pointing": ("point_2d", "label"),
        "bounding": ("bbox_2d", "label"),
        "counting": ("counts", "label"),
        "cnt_and_point": ("counts", "point_2d", "label"),
        "count_and_box": ("counts", "bbox_2d", "label"),
    }
)
"""The keys of each task in order; with ``counts`` the answer is one JSON object, otherwise one entry per place."""
PUBLISHED: Final = tuple(KEYS)


@dataclass(frozen=True, slots=True)
class Objects:
    """The contents of an answer: one name, the count, and a point and a box per object.

    Points and boxes are in pixels of the released image; points are already rounded.
    """

    name: str
    count: int
    points: Sequence[Numbers]
    boxes: Sequence[Numbers]


def round_place(place: Numbers) -> list[float]:
    """Return the point or box rounded to 0.1 px, like the published points; never a negative zero."""
    return [round(value, 1) + 0.0 for value in place]


def keeps_box_digits(policy: str) -> bool:
    """Return whether boxes in answers keep all digits of their record, like the published answers."""
    return policy == "published"


def answer_json(task: str, objects: Objects) -> str:
    """Return the JSON of an answer on one line, with the spacing of the published answers.

    Numbers have the fewest digits that parse to the same float64, so a float32 box edge is written as
    241.5364532470703, as published.
    """
    keys, label = KEYS[task], json.dumps(objects.name, ensure_ascii=False)
    places = {"point_2d": objects.points, "bbox_2d": objects.boxes}
    if "counts" not in keys:
        rows = places[keys[0]]
        inner = _rows(rows)[2:-2].split("], [") if rows else []
        return "[" + ", ".join([f'{{"{keys[0]}": [{row}], "label": {label}}}' for row in inner]) + "]"
    stated = [f'"{key}": {_rows(places[key])}, ' for key in keys if key in places]
    return f'{{"counts": {objects.count}, {"".join(stated)}"label": {label}}}'


def _rows(rows: Sequence[Numbers]) -> str:
    """Return lists of numbers as JSON, ten times faster than ``json``."""
    return orjson.dumps(rows).decode().replace(",", ", ")
