"""Referring proved: the phrase of the prompt holds of the object answered, and of no other by the stated margin."""

import math
import re
from collections.abc import Sequence

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import REFERENTS, SIDE_MARGIN, SIZE_MARGIN
from medmultipoints.transforms.instructions.proofs.reading import Reading, Wrong, find_thing, label_of, require
from medmultipoints.transforms.instructions.scenes import Scene, Thing

_EDGES = {"leftmost": (0, 1), "topmost": (1, 1), "rightmost": (2, -1), "lowest": (3, -1)}


def prove_referring(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The id of the object that the answer rests on."""
    (scene,), stated = scenes, reading.answer
    label = label_of(lexicon, scenes, stated["label"])
    things = [thing for thing in scene.things if thing.label == label]
    meant = find_thing(things, stated["bbox_2d"], "boxes_differ")
    others = [thing for thing in things if thing is not meant]
    kind = _kind(reading.ask, stated["label"])
    if kind == "only":
        require(not others and label in scene.certain and len(scene.things) > 1, "referent_not_unique")
    else:
        require(bool(others) and all(_exceeds(kind, meant, other, scene) for other in others), "referent_not_unique")
    return (meant.object_id,)


def _kind(ask: str, name: str) -> str:
    forms = {kind: form.format(name=name) for kind, form in REFERENTS.items()}
    found = [kind for kind, form in forms.items() if re.search(rf"\bthe {re.escape(form)}(?!\w)", ask, re.IGNORECASE)]
    if len(found) != 1:
        raise Wrong("prompt_names_differ")
    return found[0]


def _exceeds(kind: str, meant: Thing, other: Thing, scene: Scene) -> bool:
    """Whether the phrase holds of one object rather than of the other."""
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
