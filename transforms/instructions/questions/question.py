"""A question with its answer before rendering, and its random choices."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Name
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.records import ReleasedObject

Option = TypeVar("Option")
_SAME_PX: Final = 0.2  # edges at most this far apart may be written alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about some images, with its true answer.

    ``home`` is the image of ``record_id``, to which the question belongs; ``part`` distinguishes questions of the same
    task and record. ``label`` and ``name`` are empty and None if no single class is asked for. ``slots`` fill the
    template's placeholders other than the name; ``object_ids`` are the objects that the answer refers to. ``crops`` are
    the paths of crops of ``home``, shown after the images. ``json`` is the text of the answer if its digits matter,
    otherwise ``content`` is written; ``template`` selects the template, which is otherwise drawn.
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
        """record_id:task, followed by the part, if any."""
        return ":".join([self.record_id, self.task, *([self.part] if self.part else [])])

    @property
    def pictures(self) -> tuple[str, ...]:
        """The paths of all images and crops, in the order of their placeholders."""
        return (*(scene.image_file for scene in self.scenes or (self.home,)), *self.crops)


@dataclass(frozen=True, slots=True)
class QuestionContext:
    """Names and random choices for questions; each choice depends only on the seed and its subject.

    ``shares``: the share of possible questions to ask, by task, default 1; ``absent``: the share of presence questions
    that ask for a class that is certainly absent, if there is one.
    """

    lexicon: Lexicon
    seed: int | str
    shares: Mapping[str, float] = field(default_factory=dict)
    absent: float = 0.5

    def draw(self, *about: str) -> float:
        """Return a number in [0, 1)."""
        return int.from_bytes(self.digest(*about)[:8]) / 2**64

    def digest(self, *about: str) -> bytes:
        """Return the sha256 of the seed and the subject of a choice."""
        return hashlib.sha256(f"{self.seed}:{':'.join(about)}".encode()).digest()

    def pick(self, options: Sequence[Option], *about: str) -> Option:
        """Return one of the options."""
        return options[int(self.draw(*about) * len(options))]

    def kept(self, task: str, *about: str) -> bool:
        """Return whether the recipe's share of a task includes a question."""
        share = self.shares.get(task, 1.0)
        return share >= 1 or self.draw("share", task, *about) < share

    def name(self, task: str, scenes: Sequence[Scene], label: str, *about: str) -> Name:
        """Return one of the names that a label may have in these images."""
        return self.pick(self.lexicon.allowed(scenes, label), "name", task, label, *about)


def object_question(task: str, home: Scene, item: ReleasedObject, name: Name, **more: Any) -> Question:
    """Return the question for the box of one object; it belongs to the record of the object's class in ``home``."""
    content = {"bbox_2d": rounded(item.box), "label": name.singular}
    record_id, own = home.records[item.label], {"object_ids": ids([item])} | more
    return Question(task=task, home=home, record_id=record_id, label=item.label, name=name, content=content, **own)


def rounded(numbers: Sequence[float]) -> list[float]:
    """Return coordinates rounded to 0.1 px; never a negative zero."""
    return [round(float(number), 1) + 0.0 for number in numbers]


def ids(items: Sequence[ReleasedObject]) -> tuple[str, ...]:
    """Return the ids of objects, in order."""
    return tuple(item.object_id for item in items)


def area_of(item: ReleasedObject, scene: Scene) -> float:
    """Return the area of an object in pixels of the released image: of its mask if it has one, else of its box."""
    return (item.area_px or 0) * scene.scale**2 or item.box.area


def distinct(item: ReleasedObject, scene: Scene, *, of_class: bool = False) -> bool:
    """Return whether no other object of the scene, or of its class, has the same box as written in a prompt."""
    twins = _twins(scene).get(item.object_id, ())
    return not any(other.label == item.label for other in twins) if of_class else not twins


@lru_cache(maxsize=256)  # the frames of a video are asked about in pairs
def _twins(scene: Scene) -> dict[str, list[ReleasedObject]]:
    """Return the objects that have about the same box as another, by the id of the other."""
    items = sorted(scene.objects, key=lambda item: item.box.x1)
    found: dict[str, list[ReleasedObject]] = {}
    for place, one in enumerate(items):
        for other in islice(items, place + 1, None):
            if other.box.x1 - one.box.x1 > _SAME_PX:
                break
            if all(abs(edge - same) <= _SAME_PX for edge, same in zip(one.box, other.box, strict=True)):
                found.setdefault(one.object_id, []).append(other)
                found.setdefault(other.object_id, []).append(one)
    return found
