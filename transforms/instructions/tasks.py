"""The answer of each task, in the shapes and with the keys of the published MedMultiPoints."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

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


def pointing(objects: Objects) -> object:
    """One entry per object: point and label."""
    return [{"point_2d": point, "label": objects.name} for point in objects.points]


def bounding(objects: Objects) -> object:
    """One entry per object: box and label."""
    return [{"bbox_2d": box, "label": objects.name} for box in objects.boxes]


def counting(objects: Objects) -> object:
    """The count and the label."""
    return {"counts": objects.count, "label": objects.name}


def cnt_and_point(objects: Objects) -> object:
    """The count, all points, the label."""
    return {"counts": objects.count, "point_2d": objects.points, "label": objects.name}


def count_and_box(objects: Objects) -> object:
    """The count, all boxes, the label."""
    return {"counts": objects.count, "bbox_2d": objects.boxes, "label": objects.name}


ANSWERS: Final[Mapping[str, Callable[[Objects], object]]] = MappingProxyType(
    {task.__name__: task for task in (pointing, bounding, counting, cnt_and_point, count_and_box)}
)
TASKS: Final = tuple(ANSWERS)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)  # ", " and ": " between items, as published


def round_point(point: Numbers) -> list[float]:
    """The point rounded to 0.1 px, as the published answers state it; never a negative zero."""
    return [round(value, 1) + 0.0 for value in point]


def answer_text(task: str, objects: Objects) -> str:
    """The answer as the published files write it: a fenced block of JSON on one line.

    Numbers are printed with the fewest digits that read back as the same float64, so a float32 box edge
    reads 241.5364532470703, as published.
    """
    return f"```json\n{_ENCODER.encode(ANSWERS[task](objects))}\n```"
