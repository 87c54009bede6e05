"""Ask for organ, class and finding of an image, in the words of its source."""

from collections.abc import Iterator, Sequence
from typing import Final

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading, require
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task

PARTS: Final = ("organ", "classification", "finding")


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for organ, class and finding of each image, in the words of its source, if all are known."""
    for scene in group:
        if scene.is_described and context.kept("classification", scene.image_sha256):
            content = {part: getattr(scene, part) for part in PARTS}
            yield Question(task="classification", home=scene, record_id=scene.first_record, content=content)


def prove(reading: Reading, scenes: Sequence[Scene], _lexicon: Lexicon) -> tuple[str, ...]:
    """Return no object: the answer comes from the source's metadata of the image."""
    (scene,), stated = scenes, reading.answer
    for key in PARTS:
        require(stated[key] == getattr(scene, key), f"{key}_differs")
    return ()


TASK = Task(
    name="classification",
    ask=ask,
    prove=prove,
    shape=dict.fromkeys(PARTS, str),
    names="none",
    labelled=False,
    whole_image=True,
)
