"""Which one? The leftmost, the largest, the nearest to the centre: only where one object is it by a clear margin."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from medmultipoints.transforms.instructions.phrases import REFERENTS, SIDE_MARGIN, SIZE_MARGIN
from medmultipoints.transforms.instructions.questions.question import Question, Words, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene, Thing

Measure = Callable[[Thing], float]


def ask_referring(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """At most one question for each record, about one of the objects that a phrase singles out."""
    for scene in group:
        for label, record_id in scene.records.items():
            found = find_referents(scene, label)
            if not found or not words.kept("referring", record_id):
                continue
            kind = words.pick(sorted(found), "referring", record_id)
            name = words.name("referring", [scene], label, record_id)
            yield Question(
                task="referring",
                home=scene,
                record_id=record_id,
                label=label,
                name=name,
                slots={"referent": REFERENTS[kind].format(name=name.singular)},
                content={"bbox_2d": rounded(found[kind].box), "label": name.singular},
                object_ids=ids([found[kind]]),
            )


def find_referents(scene: Scene, label: str) -> dict[str, Thing]:
    """What each phrase singles out among the objects of a label, by the kind of phrase; nothing that is in doubt."""
    things = scene.of(label)
    if len(things) == 1:
        return {"only": things[0]} if label in scene.certain and len(scene.things) > 1 else {}
    ranked = {kind: _first(things, *measures) for kind, measures in _measures(scene).items()}
    ranked |= {kind: _by_size(things, sign) for kind, sign in (("largest", -1), ("smallest", 1))}
    return {kind: thing for kind, thing in ranked.items() if thing is not None}


def _measures(scene: Scene) -> dict[str, tuple[Measure, Measure, float]]:
    """By kind: what is smallest for the one meant, by a margin; what must be smallest too; the margin."""
    width, height = scene.width, scene.height
    half: Final = (width / 2, height / 2)

    def from_centre(thing: Thing) -> float:
        return float(((thing.centre[0] - half[0]) ** 2 + (thing.centre[1] - half[1]) ** 2) ** 0.5)

    diagonal = float((width**2 + height**2) ** 0.5)
    return {
        "leftmost": (lambda t: t.centre[0], lambda t: t.box[0], SIDE_MARGIN * width),
        "rightmost": (lambda t: -t.centre[0], lambda t: -t.box[2], SIDE_MARGIN * width),
        "topmost": (lambda t: t.centre[1], lambda t: t.box[1], SIDE_MARGIN * height),
        "lowest": (lambda t: -t.centre[1], lambda t: -t.box[3], SIDE_MARGIN * height),
        "central": (from_centre, from_centre, SIDE_MARGIN * diagonal),
    }


def _first(things: Sequence[Thing], measure: Measure, also: Measure, margin: float) -> Thing | None:
    if len(things) < 2:
        return None
    first, second = sorted(things, key=measure)[:2]
    clear = measure(second) - measure(first) >= margin + 1e-6  # the proof computes it another way
    return first if clear and all(also(first) < also(thing) for thing in things if thing is not first) else None


def _by_size(things: Sequence[Thing], sign: int) -> Thing | None:
    """The largest (sign -1) or smallest by box and, where there are masks, by mask; cut objects leave it open."""
    if len(things) < 2 or any(thing.truncated for thing in things):
        return None
    measures: list[Measure] = [lambda t: t.sides[0] * t.sides[1]]
    if all(thing.area_px for thing in things):
        measures.append(lambda t: float(t.area_px or 0))
    firsts = set()
    for measure in measures:
        first, second = sorted(things, key=lambda t: sign * measure(t))[:2]
        high, low = sorted((measure(first), measure(second)), reverse=True)
        firsts.add(first.object_id if high >= SIZE_MARGIN * low else "")
    return next((thing for thing in things if firsts == {thing.object_id}), None)
