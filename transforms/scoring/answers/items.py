"""Value types of scoring: the truth of a question, and a parsed answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Places = tuple[tuple[float, ...], ...]
COUNT: Final = "count"
POINTS: Final = "points"
BOXES: Final = "boxes"
# The parts of the answer of each published task.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "pointing": (POINTS,),
    "bounding": (BOXES,),
    "counting": (COUNT,),
    "cnt_and_point": (COUNT, POINTS),
    "count_and_box": (COUNT, BOXES),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """The true answer of one question, in pixels of the image that the model was shown.

    ``parts`` names what the question asks for; ``boxes`` are also set if they are known but not asked for.
    ``group`` joins dependent questions (frames of one video, near-duplicates); ``image_size`` is width, height.
    ``names`` are the names of the points or boxes, in order; empty if the answer gives none. Empty texts and None
    mean unknown.
    """

    item_id: str
    task: str
    parts: tuple[str, ...]
    count: int
    points: Places = ()
    boxes: Places = ()
    label: str = ""
    source: str = ""
    video: str = ""
    group: str = ""
    image_size: tuple[int, int] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One question: its truth, and the model's answer as text."""

    truth: Truth
    response: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer; ``failure`` is empty if all requested parts were found.

    None means that a part was not found or not asked for. ``names`` are the names of the points or boxes, in order;
    missing names are empty.
    """

    count: int | None = None
    points: Places | None = None
    boxes: Places | None = None
    failure: str = ""
    names: tuple[str, ...] = ()


def parts_of(task: str, value: object) -> tuple[str, ...]:
    """Return the parts that a question asks for, from its task or the keys of its true answer; empty if unknown."""
    if task in PARTS:
        return PARTS[task]
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return ()
    places = POINTS if "point_2d" in first else BOXES if "bbox_2d" in first else ""
    counted = isinstance(value, dict) and not {"count", "counts"}.isdisjoint(value)
    return ((COUNT,) if counted else ()) + ((places,) if places else ())


def task_of(parts: Sequence[str]) -> str:
    """Return the published task that asks for these parts; empty if no task does."""
    return next((task for task, wanted in PARTS.items() if wanted == tuple(parts)), "")
