"""The names of all tasks, and the answer of the five published ones, in their shapes and with their keys."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import orjson

Numbers = Sequence[float]


@dataclass(frozen=True, slots=True)
class Objects:
    """What an answer may say: one name, the count, and a point and a box per object.

    Points and boxes are in pixels of the released image; points are already rounded.
    """

    name: str
    count: int
    points: Sequence[Numbers]
    boxes: Sequence[Numbers]


def pointing(objects: Objects) -> str:
    """One entry per object: point and label."""
    return _entries("point_2d", objects.points, objects.name)


def bounding(objects: Objects) -> str:
    """One entry per object: box and label."""
    return _entries("bbox_2d", objects.boxes, objects.name)


def counting(objects: Objects) -> str:
    """The count and the label."""
    return f'{{"counts": {objects.count}, "label": {_text(objects.name)}}}'


def cnt_and_point(objects: Objects) -> str:
    """The count, all points, the label."""
    return _count_and("point_2d", objects.points, objects)


def count_and_box(objects: Objects) -> str:
    """The count, all boxes, the label."""
    return _count_and("bbox_2d", objects.boxes, objects)


ANSWERS: Final[Mapping[str, Callable[[Objects], str]]] = MappingProxyType(
    {task.__name__: task for task in (pointing, bounding, counting, cnt_and_point, count_and_box)}
)
TASKS: Final = tuple(ANSWERS)
MORE_TASKS: Final = (
    "presence",
    "referring",
    "classification",
    "label_path",
    "class_counts",
    "description",
    "segmentation",
    "tracking",
    "appeared",
    "vanished",
    "moved_most",
    "same_class",
    "motion",
    "video_counts",
    "crop_grounding",
)
ALL_TASKS: Final = TASKS + MORE_TASKS
SEVERAL_IMAGES: Final[Mapping[str, int]] = MappingProxyType(
    dict.fromkeys(("tracking", "appeared", "vanished", "moved_most", "same_class", "crop_grounding"), 2)
    | dict.fromkeys(("motion", "video_counts"), 4)
)
"""The pictures that a question of a task shows; one where the task is not listed."""
CROPS: Final[Mapping[str, int]] = MappingProxyType({"crop_grounding": 1})
"""How many of them, the last, are crops of the record's own image; none where the task is not listed."""


def round_place(place: Numbers) -> list[float]:
    """The point or box rounded to 0.1 px, as the published answers state their points; never a negative zero."""
    return [round(value, 1) + 0.0 for value in place]


def keeps_box_digits(policy: str) -> bool:
    """Whether answers state boxes with all digits of their record: as the published ones do, and only they."""
    return policy == "published"


def answer_text(task: str, objects: Objects) -> str:
    """The answer as the published files write it: a fenced block of JSON on one line, blanks after commas and colons.

    Numbers are printed with the fewest digits that read back as the same float64, so a float32 box edge
    reads 241.5364532470703, as published.
    """
    return f"```json\n{ANSWERS[task](objects)}\n```"


def _entries(key: str, rows: Sequence[Numbers], name: str) -> str:
    label = _text(name)
    inner = _rows(rows)[2:-2].split("], [") if rows else []
    return "[" + ", ".join([f'{{"{key}": [{row}], "label": {label}}}' for row in inner]) + "]"


def _count_and(key: str, rows: Sequence[Numbers], objects: Objects) -> str:
    return f'{{"counts": {objects.count}, "{key}": {_rows(rows)}, "label": {_text(objects.name)}}}'


def _rows(rows: Sequence[Numbers]) -> str:
    """Lists of numbers as JSON; ``json`` itself takes ten times as long for them."""
    return orjson.dumps(rows).decode().replace(",", ", ")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
