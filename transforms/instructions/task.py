"""The definition of a task: its questions, the shape of its answers, and their proof."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from medmultipoints.transforms.instructions.answers.shapes import Shape
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene

Ask = Callable[[Sequence[Scene], QuestionContext], Iterator[Question]]
Prove = Callable[[Reading, Sequence[Scene], Lexicon], tuple[str, ...]]
Naming = Literal["one", "listed", "none"]
EXAMPLE_REGION: Final = '{"bbox_2d": [1.0, 2.0, 3.0, 4.0]}'


def _prove_by_columns(reading: Reading, _scenes: Sequence[Scene], _lexicon: Lexicon) -> tuple[str, ...]:
    raise AssertionError(f"rows of {reading.task} are proved by proofs.published_rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task. Its prompt templates are in ``templates/<name>.toml``; docs/tasks.md explains it.

    ``ask`` yields the questions about a group of images. ``prove`` returns the ids of the objects that an answer refers
    to, and raises Wrong if the answer does not follow from the scenes. ``shape`` is the shape of the answer's JSON.
    ``images``: number of pictures shown; the last ``crops`` of them are cut from the record's own image.
    ``slots``: the placeholders of every ask other than names, each with an example value.
    ``names``: the prompt names one class, several, or none. ``labelled``: the answer names the class of the objects.
    ``clear_name``: the class has its unambiguous name instead of one that depends on the image.
    ``whole_image``: the question belongs to the first record of its image, not to the record of its class.
    ``stills``: asked about several unrelated stills of one split, of any size.
    ``published``: one of the five tasks of the published dataset, asked about every record, without a share, and proved
    column by column (``proofs.published_rows``) instead of by ``prove``.
    """

    name: str
    ask: Ask
    shape: Shape
    prove: Prove = _prove_by_columns
    images: int = 1
    crops: int = 0
    slots: Mapping[str, str] = field(default_factory=dict)
    names: Naming = "one"
    labelled: bool = True
    clear_name: bool = False
    whole_image: bool = False
    published: bool = False
    stills: bool = False
