"""Presence proved: the boxes are those of the class, all of them; where there are none, absence is certain."""

from collections.abc import Sequence

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading, label_of, require, same_place
from medmultipoints.transforms.instructions.scenes import Scene


def prove_presence(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of the objects that the answer rests on."""
    (scene,), stated = scenes, reading.answer
    label = label_of(lexicon, scenes, stated["label"])
    true = [thing for thing in scene.things if thing.label == label]
    require(stated["present"] is bool(true), "presence_differs")
    require(stated["counts"] == len(true), "count_differs")
    shown = lexicon.present.get(scene.image_sha256, frozenset())
    require(bool(true) or (label in scene.certain and label not in shown), "absence_uncertain")
    same = len(stated["bbox_2d"]) == len(true)
    require(same and all(map(same_place, stated["bbox_2d"], [thing.box for thing in true])), "boxes_differ")
    return tuple(thing.object_id for thing in true)
