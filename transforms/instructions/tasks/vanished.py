"""Ask for the object that vanished between two frames of a video."""

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
    """Ask for the one object of a class that only the earlier frame shows, if none of the class appeared."""
    for pair in pairs(group, "vanished", context):
        yield from ask_change("vanished", pair, pair[1], pair[0], context)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object that only the earlier frame shows."""
    earlier, later = two_frames(scenes)
    return prove_change(reading, scenes, lexicon, without=later, having=earlier)


TASK = Task(
    name="vanished",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    images=2,
)
