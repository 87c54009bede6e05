"""Answers about two frames proved, from the tracks of both."""

import math
from collections.abc import Sequence

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import LEAD_OF_MOVES, MOST_FRAMES_APART, MOST_OF_A_CLASS
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_thing, label_of, require, same_place
from medmultipoints.transforms.instructions.scenes import Scene, Thing


def prove_tracking(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of the object in the earlier and in the later frame."""
    earlier, later = _two(scenes)
    label = label_of(lexicon, scenes, reading.answer["label"])
    given = find_thing(earlier.things, given_box(reading), "given_differs")
    meant = find_thing(later.of(label), reading.answer["bbox_2d"], "boxes_differ")
    require(given.label == label, "label_differs")
    require(given.track_id is not None and given.track_id == meant.track_id, "boxes_differ")
    same = [thing for thing in later.things if thing.track_id == given.track_id]
    require(len(same) == 1 and _far(given, meant), "moved_too_little")
    return given.object_id, meant.object_id


def prove_appeared(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The id of the object that the later frame has and the earlier has not."""
    earlier, later = _two(scenes)
    return _prove_change(reading, scenes, lexicon, without=earlier, having=later)


def prove_vanished(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The id of the object that the earlier frame has and the later has not."""
    earlier, later = _two(scenes)
    return _prove_change(reading, scenes, lexicon, without=later, having=earlier)


def _prove_change(
    reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon, *, without: Scene, having: Scene
) -> tuple[str, ...]:
    require(not reading.given, "given_differs")
    label = label_of(lexicon, scenes, reading.answer["label"])
    require(label in without.certain and label in having.certain, "absence_uncertain")
    meant = find_thing(having.of(label), reading.answer["bbox_2d"], "boxes_differ")
    here, there = ([thing.track_id for thing in scene.of(label)] for scene in (having, without))
    require(None not in here + there and meant.track_id not in there, "boxes_differ")
    rest = sorted(str(track) for track in here if track != meant.track_id)
    require(rest == sorted(map(str, there)), "referent_not_unique")
    return (meant.object_id,)


def prove_moved_most(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The id of the object, in the later frame, that moved the farthest."""
    earlier, later = _two(scenes)
    require(not reading.given, "given_differs")
    label = label_of(lexicon, scenes, reading.answer["label"])
    meant = find_thing(later.of(label), reading.answer["bbox_2d"], "boxes_differ")
    both = [*earlier.of(label), *later.of(label)]
    require(all(thing.track_id and not thing.truncated for thing in both), "referent_not_unique")
    before = {thing.track_id: thing for thing in earlier.of(label)}
    require(sorted(map(str, before)) == sorted(str(thing.track_id) for thing in later.of(label)), "referent_not_unique")
    way = math.dist(before[meant.track_id].centre, meant.centre)
    others = [thing for thing in later.of(label) if thing is not meant]
    leads = all(way >= LEAD_OF_MOVES * math.dist(before[o.track_id].centre, o.centre) for o in others)
    require(bool(others) and leads and _far(before[meant.track_id], meant), "referent_not_unique")
    return (meant.object_id,)


def prove_same_class(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of the object given and of all of its class in the later frame."""
    earlier, later = _two(scenes)
    given = find_thing(earlier.things, given_box(reading), "given_differs")
    true = [thing for thing in later.things if thing.label == given.label]
    require(given.label in later.certain and 0 < len(true) <= MOST_OF_A_CLASS, "absence_uncertain")
    require(len(true) < len(later.things), "referent_not_unique")
    require(len(reading.answer) == len(true), "boxes_differ")
    for entry, thing in zip(reading.answer, true, strict=True):
        require(label_of(lexicon, scenes, entry["label"]) == given.label, "label_differs")
        require(same_place(entry["bbox_2d"], thing.box), "boxes_differ")
    return given.object_id, *(thing.object_id for thing in true)


def given_box(reading: Reading) -> list[float]:
    """The one box that the prompt gives."""
    one = len(reading.given) == 1 and isinstance(reading.given[0], dict) and list(reading.given[0]) == ["bbox_2d"]
    require(one, "given_differs")
    box = reading.given[0]["bbox_2d"]
    numbers = isinstance(box, list) and len(box) == 4 and all(type(number) is float for number in box)
    require(numbers, "given_differs")
    return list(box)


def _two(scenes: Sequence[Scene]) -> tuple[Scene, Scene]:
    """The two frames; Wrong unless they are of one video, in order, and near enough."""
    earlier, later = scenes
    known = earlier.video_id is not None and (earlier.source, earlier.video_id) == (later.source, later.video_id)
    require(known and earlier.frame_index is not None and later.frame_index is not None, "image_files_differ")
    gap = (later.frame_index or 0) - (earlier.frame_index or 0)
    require(0 < gap <= MOST_FRAMES_APART, "image_files_differ")
    return earlier, later


def _far(before: Thing, after: Thing) -> bool:
    size = max(side for thing in (before, after) for side in thing.sides)
    return not (before.truncated or after.truncated) and math.dist(before.centre, after.centre) > size
