"""What a task is: what can be asked of images, how its answers look, and how they are proved."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.shapes import Shape

Ask = Callable[[Sequence[Scene], QuestionContext], Iterator[Question]]
Prove = Callable[[Reading, Sequence[Scene], Lexicon], tuple[str, ...]]
Naming = Literal["one", "listed", "none"]
EXAMPLE_REGION: Final = '{"bbox_2d": [1.0, 2.0, 3.0, 4.0]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task. Its prompt templates are ``templates/<name>.toml``, docs/tasks.md explains it.

    ``ask`` yields the questions about a group of images. ``prove`` returns the ids of the objects that an answer rests
    on, and raises Wrong for an answer that does not follow from the scenes. ``shape`` is that of the answer's JSON.
    ``images`` pictures are shown, the last ``crops`` of them cut from the record's own image.
    ``slots``: the placeholders that every ask has besides names, each with an example of what is filled in.
    ``names``: the prompt names one class, lists several, or none. ``labelled``: the answer names the class of objects.
    ``clear_name``: the class has its one name among others, not one of those that it may have in the image.
    ``whole_image``: filed under the first record of its image, not under the record of its class.
    ``stills``: asked of several unrelated stills of one split, of any size.
    ``published``: one of the five tasks of the published dataset, asked of every record, without a share.
    """

    name: str
    ask: Ask
    prove: Prove
    shape: Shape
    images: int = 1
    crops: int = 0
    slots: Mapping[str, str] = field(default_factory=dict)
    names: Naming = "one"
    labelled: bool = True
    clear_name: bool = False
    whole_image: bool = False
    published: bool = False
    stills: bool = False
