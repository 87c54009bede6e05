"""The five tasks of the published dataset: ask for the points, boxes or count of every record.

Their answers are proved by ``medmultipoints.transforms.instructions.proofs.published_rows``.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.answers.published import KEYS, Objects, answer_json, keeps_box_digits
from medmultipoints.transforms.instructions.answers.shapes import BOX, POINT, Shape
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Ask, Task

_SHAPES: Final[dict[str, Shape]] = {"counts": int, "label": str, "point_2d": POINT, "bbox_2d": BOX}


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


def _shape(keys: tuple[str, ...]) -> Shape:
    if "counts" in keys:
        return {key: [_SHAPES[key]] if key in ("point_2d", "bbox_2d") else _SHAPES[key] for key in keys}
    return [{key: _SHAPES[key] for key in keys}]


TASKS: Final = tuple(
    Task(name=task, ask=ask_of(task), shape=_shape(keys), published=True) for task, keys in KEYS.items()
)
