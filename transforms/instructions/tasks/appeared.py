"""Ask for the object that appeared between two frames of a video."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.pairs import prove_change, two_frames
from medmultipoints.transforms.instructions.proofs.reading import Reading
from medmultipoints.transforms.instructions.questions.frame_pairs import ask_change, pairs
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for the one object of a class that only the later frame shows, if none of the class vanished."""
    for pair in pairs(group, "appeared", context):
        yield from ask_change("appeared", pair, pair[0], pair[1], context)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object that only the later frame shows."""
    earlier, later = two_frames(scenes)
    return prove_change(reading, scenes, lexicon, without=earlier, having=later)


TASK = Task(
    name="appeared",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    images=2,
)
