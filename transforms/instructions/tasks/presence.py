"""Ask whether objects of a class are present, how many and where; also about certainly absent classes."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading, label_of, require, same_place
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids, rounded
from medmultipoints.transforms.instructions.questions.statement_questions import absent_labels
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask one question per image; for a share of them, if possible, about a class that is certainly absent."""
    for scene in group:
        present = sorted({item.label for item in scene.objects})
        absent = absent_labels(scene, context)
        wanted = absent if absent and context.draw("absent", scene.image_sha256) < context.absent else present
        if wanted and context.kept("presence", scene.image_sha256):
            yield _ask(scene, context.pick(wanted, "presence", scene.image_sha256), context)


def _ask(scene: Scene, label: str, context: QuestionContext) -> Question:
    items = scene.of(label)
    name = context.name("presence", [scene], label, scene.image_sha256)
    content = {
        "present": bool(items),
        "counts": len(items),
        "bbox_2d": [rounded(item.box) for item in items],
        "label": name.singular,
    }
    return Question(
        task="presence",
        home=scene,
        record_id=scene.first_record,
        label=label,
        name=name,
        content=content,
        object_ids=ids(items),
    )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the objects that the answer refers to."""
    (scene,), stated = scenes, reading.answer
    label = label_of(lexicon, scenes, stated["label"])
    true = [item for item in scene.objects if item.label == label]
    require(stated["present"] is bool(true), "presence_differs")
    require(stated["counts"] == len(true), "count_differs")
    shown = lexicon.present.get(scene.image_sha256, frozenset())
    require(bool(true) or (label in scene.certain and label not in shown), "absence_uncertain")
    same = len(stated["bbox_2d"]) == len(true)
    require(same and all(map(same_place, stated["bbox_2d"], [item.box for item in true])), "boxes_differ")
    return tuple(item.object_id for item in true)


TASK = Task(
    name="presence",
    ask=ask,
    prove=prove,
    shape={"present": bool, "counts": int, "bbox_2d": [BOX], "label": str},
    whole_image=True,
)
