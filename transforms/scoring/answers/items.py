"""What is scored: the truth of one question, and what a prediction says."""

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

    ``parts`` names what is asked for; ``boxes`` are also set where they are known without being asked for.
    ``group`` holds together what is not independent (frames of one video, near-duplicates); ``image_size`` is
    width, height. ``names`` are those of the places asked for, in their order; empty where the answer gives none.
    Empty texts and None mean unknown.
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
    """One question: its truth, and the text that the model answered."""

    truth: Truth
    response: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader finds in a response; ``failure`` is empty when everything asked for was found.

    None means a part that was not found or not asked for. ``names`` are those of the points or boxes, in their
    order, each empty where none is given.
    """

    count: int | None = None
    points: Places | None = None
    boxes: Places | None = None
    failure: str = ""
    names: tuple[str, ...] = ()


def parts_of(task: str, value: object) -> tuple[str, ...]:
    """Return what a question asks for: by its task, else by the keys of its true answer; empty if unknown."""
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
