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


def change_task(name: str, *, shown_later: bool) -> Task:
    """Return the task that asks for the one object of a class that only the later, or only the earlier frame shows.

    Nothing is asked about a class of which other objects appeared or vanished as well.
    """

    def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
        for pair in pairs(group, name, context):
            without, having = pair if shown_later else pair[::-1]
            yield from ask_change(name, pair, without, having, context)

    def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
        frames = two_frames(scenes)
        without, having = frames if shown_later else frames[::-1]
        return prove_change(reading, scenes, lexicon, without=without, having=having)

    return Task(name=name, ask=ask, prove=prove, shape={"bbox_2d": BOX, "label": str}, images=2)


TASK = change_task("appeared", shown_later=True)
