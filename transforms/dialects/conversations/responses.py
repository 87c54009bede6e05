"""Convert a model's responses in a dialect to answers of the release, in pixels of the released picture."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from medmultipoints.transforms.dialects.conversations.answers import Facts, write_content
from medmultipoints.transforms.dialects.frames import Frame, Size, decode

_NUMBER: Final = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_TWO: Final = rf"{_NUMBER}\s*,\s*{_NUMBER}"
_PLACE: Final = re.compile(rf"\[\s*({_TWO}(?:\s*,\s*{_TWO})?)\s*\]")
_SIDE: Final = re.compile(rf'("(?P<axis>[xy])"\s*:\s*)(?P<number>{_NUMBER})')
_KEYS: Final = {"pointing": "point_2d", "cnt_and_point": "point_2d", "bounding": "bbox_2d", "count_and_box": "bbox_2d"}
_LISTED: Final = frozenset({"pointing", "bounding"})


def restore_numbers(response: str, frame: Frame, size: Size) -> str:
    """Return the response with its coordinates in pixels: lists of two or four numbers, and values of x and y.

    The rest is unchanged, so that a parser still sees fences, keys and errors. Numbers that would overflow a float stay
    unchanged, too.
    """

    def place(found: re.Match[str]) -> str:
        numbers = decode(frame, [float(number) for number in found[1].split(",")], size)
        return f"[{', '.join(map(repr, numbers))}]" if _finite(numbers) else found[0]

    def side(found: re.Match[str]) -> str:
        numbers = decode(frame, [float(found["number"])] * 2, size)
        return f"{found[1]}{numbers['xy'.index(found['axis'])]!r}" if _finite(numbers) else found[0]

    return _SIDE.sub(side, _PLACE.sub(place, response))


def restore_facts(task: str, response: str, read: Callable[[str], Facts | None]) -> str:
    """Return the facts of a response as the task's JSON answer; the response itself if it cannot be read."""
    try:
        facts = read(response)
    except ValueError:
        facts = None
    return response if facts is None else write_facts(task, facts)


def write_facts(task: str, facts: Facts) -> str:
    """Return the facts as a fenced JSON answer with the keys of the published task."""
    key = _KEYS.get(task)
    if task in _LISTED:
        return write_content([{key: list(mark.numbers), "label": mark.name} for mark in facts.marks])
    answer: dict[str, Any] = {} if facts.count is None else {"counts": facts.count}
    if key:
        answer[key] = [list(mark.numbers) for mark in facts.marks]
    names = [mark.name for mark in facts.marks]
    return write_content(answer | ({"label": names[0]} if names else {}))


def _finite(numbers: Sequence[float]) -> bool:
    return all(map(math.isfinite, numbers))
