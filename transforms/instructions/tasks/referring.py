"""Ask for the object identified by a phrase: the leftmost, the largest, the most central."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import REFERENTS, SIDE_MARGIN, SIZE_MARGIN
from medmultipoints.transforms.instructions.proofs.reading import Reading, Wrong, find_object, label_of, require
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, object_question
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task
from medmultipoints.transforms.records import ReleasedObject

Measure = Callable[[ReleasedObject], float]
_EDGES = {"leftmost": (0, 1), "topmost": (1, 1), "rightmost": (2, -1), "lowest": (3, -1)}


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask at most one question per record, about one of the objects that a phrase identifies."""
    for scene in group:
        for label, record_id in scene.records.items():
            found = find_referents(scene, label)
            if not found or not context.kept("referring", record_id):
                continue
            kind = context.pick(sorted(found), "referring", record_id)
            name = context.name("referring", [scene], label, record_id)
            slots = {"referent": REFERENTS[kind].format(name=name.singular)}
            yield object_question("referring", scene, found[kind], name, slots=slots)


def find_referents(scene: Scene, label: str, *, among_images: bool = False) -> dict[str, ReleasedObject]:
    """Return the object that each phrase identifies among those of a label, by kind of phrase.

    Doubtful cases are left out. ``among_images``: several images are shown, so the object of an image may be its only.
    """
    items = scene.of(label)
    if len(items) == 1:
        among_others = among_images or len(scene.objects) > 1
        return {"only": items[0]} if label in scene.certain and among_others else {}
    ranked = {kind: _first(items, *measures) for kind, measures in _measures(scene).items()}
    ranked |= {kind: _by_size(items, sign) for kind, sign in (("largest", -1), ("smallest", 1))}
    return {kind: item for kind, item in ranked.items() if item is not None}


def _measures(scene: Scene) -> dict[str, tuple[Measure, Measure, float]]:
    """Return, by kind of phrase, the measure to minimise, a second one that must agree, and the margin."""
    width, height = scene.width, scene.height
    half: Final = (width / 2, height / 2)

    def from_centre(item: ReleasedObject) -> float:
        return float(((item.centre[0] - half[0]) ** 2 + (item.centre[1] - half[1]) ** 2) ** 0.5)

    diagonal = float((width**2 + height**2) ** 0.5)
    return {
        "leftmost": (lambda t: t.centre[0], lambda t: t.box[0], SIDE_MARGIN * width),
        "rightmost": (lambda t: -t.centre[0], lambda t: -t.box[2], SIDE_MARGIN * width),
        "topmost": (lambda t: t.centre[1], lambda t: t.box[1], SIDE_MARGIN * height),
        "lowest": (lambda t: -t.centre[1], lambda t: -t.box[3], SIDE_MARGIN * height),
        "central": (from_centre, from_centre, SIDE_MARGIN * diagonal),
    }


def _first(items: Sequence[ReleasedObject], measure: Measure, also: Measure, margin: float) -> ReleasedObject | None:
    if len(items) < 2:
        return None
    first, second = sorted(items, key=measure)[:2]
    clear = measure(second) - measure(first) >= margin + 1e-6  # the proof computes it another way
    return first if clear and all(also(first) < also(item) for item in items if item is not first) else None


def _by_size(items: Sequence[ReleasedObject], sign: int) -> ReleasedObject | None:
    """Return the largest (sign -1) or smallest object by box and, if there are masks, by mask.

    None if truncated objects make it uncertain.
    """
    if len(items) < 2 or any(item.truncated for item in items):
        return None
    measures: list[Measure] = [lambda t: t.sides[0] * t.sides[1]]
    if all(item.area_px for item in items):
        measures.append(lambda t: float(t.area_px or 0))
    firsts = set()
    for measure in measures:
        first, second = sorted(items, key=lambda t: sign * measure(t))[:2]
        high, low = sorted((measure(first), measure(second)), reverse=True)
        firsts.add(first.object_id if high >= SIZE_MARGIN * low else "")
    return next((item for item in items if firsts == {item.object_id}), None)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object that the answer refers to."""
    return prove_referent(reading, scenes, scenes[0], lexicon, least_objects=2)


def prove_referent(
    reading: Reading, scenes: Sequence[Scene], asked: Scene, lexicon: Lexicon, *, least_objects: int
) -> tuple[str, ...]:
    """Return the id of the object in the image ``asked`` that the answer refers to.

    ``least_objects``: number of objects in the image from which "the only" one of a class is worth asking for.
    """
    stated = reading.answer
    label = label_of(lexicon, scenes, stated["label"])
    items = [item for item in asked.objects if item.label == label]
    meant = find_object(items, stated["bbox_2d"], "boxes_differ")
    kind = _kind_of(reading.ask, stated["label"])
    if kind == "only":
        only = len(items) == 1 and label in asked.certain and len(asked.objects) >= least_objects
        require(only, "referent_not_unique")
    else:
        require(_singles_out(kind, meant, items, asked), "referent_not_unique")
    return (meant.object_id,)


def _singles_out(kind: str, meant: ReleasedObject, items: Sequence[ReleasedObject], scene: Scene) -> bool:
    """Return whether a phrase applies to one object rather than to any of the others, of which there are some."""
    others = [item for item in items if item is not meant]
    return bool(others) and all(_exceeds(kind, meant, other, scene) for other in others)


def _kind_of(ask: str, name: str) -> str:
    """Return the kind of the phrase in a prompt; raise Wrong unless there is exactly one."""
    found = [kind for kind, form in _forms(name).items() if form.search(ask)]
    if len(found) != 1:
        raise Wrong("prompt_names_differ")
    return found[0]


@lru_cache(maxsize=1_000)
def _forms(name: str) -> dict[str, re.Pattern[str]]:
    """Return the pattern of each phrase with a name."""
    texts = {kind: re.escape(form.format(name=name)) for kind, form in REFERENTS.items()}
    return {kind: re.compile(rf"\bthe {text}(?!\w)", re.IGNORECASE) for kind, text in texts.items()}


def _exceeds(kind: str, meant: ReleasedObject, other: ReleasedObject, scene: Scene) -> bool:
    """Return whether the phrase applies to one object rather than to the other."""
    if kind in _EDGES:
        edge, sign = _EDGES[kind]
        axis = edge % 2
        gap = sign * (other.centre[axis] - meant.centre[axis])
        return gap >= SIDE_MARGIN * (scene.width, scene.height)[axis] and sign * (other.box[edge] - meant.box[edge]) > 0
    if kind == "central":
        middle = (scene.width / 2, scene.height / 2)
        gap = math.dist(other.centre, middle) - math.dist(meant.centre, middle)
        return gap >= SIDE_MARGIN * math.hypot(scene.width, scene.height)
    large, small = (meant, other) if kind == "largest" else (other, meant)
    whole = not (large.truncated or small.truncated)
    by_mask = not (large.area_px and small.area_px) or large.area_px >= SIZE_MARGIN * small.area_px
    return whole and by_mask and math.prod(large.sides) >= SIZE_MARGIN * math.prod(small.sides)


TASK = Task(
    name="referring",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    slots={"referent": "leftmost {name}"},
)
