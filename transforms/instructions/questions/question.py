"""One question with its answer before it is worded, and the random choices about it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.names import Name
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.records import ReleasedObject

Option = TypeVar("Option")
_SAME_PX: Final = 0.2  # edges that are not farther apart are stated alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of which images, and the true answer.

    ``home`` is the image of ``record_id``, under which the question is filed; ``part`` distinguishes it from others of
    its task and record. ``label`` and ``name`` are empty and None where no single class is asked for. ``slots`` are the
    placeholders of its templates besides those of the name; ``object_ids`` the objects that the answer rests on.
    ``crops`` are the paths of pieces of ``home`` that the prompt shows after the images. ``json`` is the text of the
    answer where its digits matter, else ``content`` is written; ``template`` is the number from which the template is
    chosen, else one is drawn.
    """

    task: str
    home: Scene
    record_id: str
    content: Any = None
    json: str = ""
    template: int | None = None
    object_ids: tuple[str, ...] = ()
    scenes: tuple[Scene, ...] = ()
    crops: tuple[str, ...] = ()
    part: str = ""
    label: str = ""
    name: Name | None = None
    slots: Mapping[str, str] = field(default_factory=dict)

    @property
    def instruction_id(self) -> str:
        """record_id:task, and the part where there is one."""
        return ":".join([self.record_id, self.task, *([self.part] if self.part else [])])

    @property
    def pictures(self) -> tuple[str, ...]:
        """The paths of all images, and of crops, in the order of their placeholders."""
        return (*(scene.image_file for scene in self.scenes or (self.home,)), *self.crops)


@dataclass(frozen=True, slots=True)
class QuestionContext:
    """Names and random choices for questions: each choice depends on the seed and what it is about, on nothing else.

    ``shares``: by task, the share of its possible questions that is asked, 1 where not given; ``absent``: the share
    of the questions for presence that ask for a class that is certainly absent, where there is one.
    """

    lexicon: Lexicon
    seed: int | str
    shares: Mapping[str, float] = field(default_factory=dict)
    absent: float = 0.5

    def draw(self, *about: str) -> float:
        """Return a number in [0, 1)."""
        return int.from_bytes(self.digest(*about)[:8]) / 2**64

    def digest(self, *about: str) -> bytes:
        """Return the sha256 of the seed and what a choice is about."""
        return hashlib.sha256(":".join([str(self.seed), *about]).encode()).digest()

    def pick(self, options: Sequence[Option], *about: str) -> Option:
        """Return one of the options."""
        return options[int(self.draw(*about) * len(options))]

    def kept(self, task: str, *about: str) -> bool:
        """Return whether the recipe's share of a task takes a question."""
        share = self.shares.get(task, 1.0)
        return share >= 1 or self.draw("share", task, *about) < share

    def name(self, task: str, scenes: Sequence[Scene], label: str, *about: str) -> Name:
        """Return one of the names that a label may have in these images."""
        return self.pick(self.lexicon.allowed(scenes, label), "name", task, label, *about)


def rounded(numbers: Sequence[float]) -> list[float]:
    """Return coordinates rounded to 0.1 px; never a negative zero."""
    return [round(float(number), 1) + 0.0 for number in numbers]


def ids(items: Sequence[ReleasedObject]) -> tuple[str, ...]:
    """Return the ids of objects, in order."""
    return tuple(item.object_id for item in items)


def distinct(item: ReleasedObject, items: Sequence[ReleasedObject]) -> bool:
    """Return whether the object's box, as it is stated, is that of no other object."""
    x1, y1, x2, y2 = item.box
    near = (other for other in items if abs(other.box.x1 - x1) <= _SAME_PX and other is not item)
    return not any(
        abs(box.y1 - y1) <= _SAME_PX and abs(box.x2 - x2) <= _SAME_PX and abs(box.y2 - y2) <= _SAME_PX
        for box in (other.box for other in near)
    )
