"""Ask for the path from the organ to the class of the objects."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading, clear_label, require
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for the path organ, class, finding, object of each record with objects, if all are known."""
    for scene in (one for one in group if one.is_described):
        for label, record_id in scene.records.items():
            if not scene.of(label) or not context.kept("label_path", record_id):
                continue
            name = context.lexicon.clear(label)
            path = [scene.organ, scene.classification, scene.finding, name.singular]
            yield Question(
                task="label_path",
                home=scene,
                record_id=record_id,
                label=label,
                name=name,
                content={"path": path},
                object_ids=ids(scene.of(label)),
            )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the objects at the end of the path."""
    (scene,), stated = scenes, reading.answer["path"]
    require(len(stated) == 4, "path_differs")
    label = clear_label(lexicon, stated[3])
    require(stated[:3] == [scene.organ, scene.classification, scene.finding], "path_differs")
    found = tuple(item.object_id for item in scene.objects if item.label == label)
    require(bool(found), "path_differs")
    return found


TASK = Task(
    name="label_path",
    ask=ask,
    prove=prove,
    shape={"path": [str]},
    clear_name=True,
)
