"""The five tasks of the published dataset: ask for the points, boxes or count of every record."""

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import sub
from typing import Any, Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import ROUNDING_PX, Reading, require
from medmultipoints.transforms.instructions.published import KEYS, Objects, answer_json, keeps_box_digits
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.shapes import BOX, POINT, Shape
from medmultipoints.transforms.instructions.task import Ask, Task

_SHAPES: Final[dict[str, Shape]] = {"counts": int, "label": str}
_PLACES: Final[dict[str, Shape]] = {"point_2d": POINT, "bbox_2d": BOX}


def ask_of(task: str) -> Ask:
    """Return the function that asks a published task about every record."""

    def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
        for scene in group:
            for label in scene.records:
                yield _ask(task, scene, label, context)

    return ask


def _ask(task: str, scene: Scene, label: str, context: QuestionContext) -> Question:
    record_id, listed = scene.records[label], scene.listed[label]
    names = context.lexicon.allowed([scene], label)
    if not names:
        policy = context.lexicon.policy
        raise UsageError(f"label {label}: no name under box policy {policy}. Add it to the names file.")
    digest = context.digest(record_id, task)
    name = names[int.from_bytes(digest[8:16]) % len(names)]
    points = listed.rounded_points if "point_2d" in KEYS[task] else []
    exact = keeps_box_digits(context.lexicon.policy)
    boxes = [] if "bbox_2d" not in KEYS[task] else listed.boxes if exact else listed.rounded_boxes
    return Question(
        task=task,
        home=scene,
        record_id=record_id,
        label=label,
        name=name,
        template=int.from_bytes(digest[:8]),
        json=answer_json(task, Objects(name.singular, listed.count, points, boxes)),
    )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return no object ids, because the answer covers the whole record, after checking its count and places."""
    (scene,) = scenes
    listed = scene.listed[reading.label]
    stated = reading.answer if isinstance(reading.answer, dict) else {}
    require(stated.get("counts", listed.count) == listed.count, "count_differs")
    exact = keeps_box_digits(lexicon.policy)
    for key, true, digits in (("point_2d", listed.points, False), ("bbox_2d", listed.boxes, exact)):
        if key in KEYS[reading.task]:
            said = stated[key] if stated else [entry[key] for entry in reading.answer]
            same = said == true if digits else _same(said, true)
            require(same and len(true) == listed.count, "points_differ" if key == "point_2d" else "boxes_differ")
    return ()


def _same(stated: Sequence[Sequence[float]], true: Sequence[Sequence[float]]) -> bool:
    """Return whether the places equal the true ones, rounded to 0.1 px."""
    numbers, exact = list(chain.from_iterable(stated)), list(chain.from_iterable(true))
    if len(stated) != len(true) or len(numbers) != len(exact):
        return False
    off = list(map(sub, numbers, exact))
    near = not off or (min(off) >= -ROUNDING_PX and max(off) <= ROUNDING_PX)
    return near and [round(number, 1) for number in numbers] == numbers


def _shape(keys: tuple[str, ...]) -> Any:
    if "counts" in keys:
        return {key: [_PLACES[key]] if key in _PLACES else _SHAPES[key] for key in keys}
    return [{key: _PLACES.get(key, str) for key in keys}]


TASKS: Final = tuple(
    Task(name=task, ask=ask_of(task), prove=prove, shape=_shape(keys), published=True) for task, keys in KEYS.items()
)
