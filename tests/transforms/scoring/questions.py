"""Questions and answers for the scoring tests, made from plain lists."""

import json
from typing import Any

from medmultipoints.transforms.scoring.answers.items import PARTS, Item, Truth

Lists = list[list[float]]


def fenced(value: object) -> str:
    """A value as the published files write an answer."""
    return f"```json\n{json.dumps(value)}\n```"


def truth(task: str, *, points: Lists = (), boxes: Lists = (), count: int | None = None, **known: Any) -> Truth:
    """A true answer; the count is the number of places unless given."""
    number = max(len(points), len(boxes)) if count is None else count
    places = {"points": tuple(map(tuple, points)), "boxes": tuple(map(tuple, boxes))}
    return Truth(known.pop("item_id", "a"), task, PARTS[task], number, **places, **known)


def pointing(true: Lists, response: object, **known: Any) -> Item:
    """A pointing question; a response that is no text is written as an answer with these points."""
    said = response if isinstance(response, str) else fenced([{"point_2d": point, "label": "x"} for point in response])
    return Item(truth("pointing", points=true, **known), said)


def bounding(true: Lists, response: object, **known: Any) -> Item:
    """A bounding question; a response that is no text is written as an answer with these boxes."""
    said = response if isinstance(response, str) else fenced([{"bbox_2d": box, "label": "x"} for box in response])
    return Item(truth("bounding", boxes=true, **known), said)


def counting(true: int, response: object, **known: Any) -> Item:
    """A counting question; a response that is no text is the stated count."""
    said = response if isinstance(response, str) else fenced({"counts": response, "label": "x"})
    return Item(truth("counting", count=true, **known), said)
