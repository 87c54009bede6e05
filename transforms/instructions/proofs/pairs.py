"""Prove answers about two frames of a video from their tracks."""

import math
from collections.abc import Sequence

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import MOST_FRAMES_APART
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_object, label_of, require
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.records import ReleasedObject


def prove_change(
    reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon, *, without: Scene, having: Scene
) -> tuple[str, ...]:
    """Return the id of the one object in ``having`` that is not in ``without``; raise Wrong if that is uncertain."""
    require(not reading.given, "given_differs")
    label = label_of(lexicon, scenes, reading.answer["label"])
    require(label in without.certain and label in having.certain, "absence_uncertain")
    meant = find_object(having.of(label), reading.answer["bbox_2d"], "boxes_differ")
    here, there = ([item.track_id for item in scene.of(label)] for scene in (having, without))
    require(None not in here + there and meant.track_id not in there, "boxes_differ")
    rest = sorted(str(track) for track in here if track != meant.track_id)
    require(rest == sorted(map(str, there)), "referent_not_unique")
    return (meant.object_id,)


def given_box(reading: Reading) -> list[float]:
    """Return the one box in the prompt."""
    one = len(reading.given) == 1 and isinstance(reading.given[0], dict) and list(reading.given[0]) == ["bbox_2d"]
    require(one, "given_differs")
    box = reading.given[0]["bbox_2d"]
    numbers = isinstance(box, list) and len(box) == 4 and all(type(number) is float for number in box)
    require(numbers, "given_differs")
    return list(box)


def two_frames(scenes: Sequence[Scene]) -> tuple[Scene, Scene]:
    """Return the two frames; raise Wrong unless they are of one video, in order, and close enough."""
    earlier, later = scenes
    known = earlier.video_id is not None and (earlier.source, earlier.video_id) == (later.source, later.video_id)
    require(known and earlier.frame_index is not None and later.frame_index is not None, "image_files_differ")
    gap = (later.frame_index or 0) - (earlier.frame_index or 0)
    require(0 < gap <= MOST_FRAMES_APART, "image_files_differ")
    return earlier, later


def far(before: ReleasedObject, after: ReleasedObject) -> bool:
    """Return whether the centre moved by more than the object's size, with the whole object visible both times."""
    size = max(side for item in (before, after) for side in item.sides)
    return not (before.truncated or after.truncated) and math.dist(before.centre, after.centre) > size
