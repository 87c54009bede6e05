"""Choose pairs of frames of a video, and build the questions about them."""

import json
import math
from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.phrases import MOST_FRAMES_APART
from medmultipoints.transforms.instructions.questions.question import (
    Question,
    QuestionContext,
    distinct,
    ids,
    object_question,
    rounded,
)
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.records import ReleasedObject

Pair = tuple[Scene, Scene]


def pairs(group: Sequence[Scene], task: str, context: QuestionContext) -> Iterator[Pair]:
    """Yield pairs of video frames at most MOST_FRAMES_APART apart, earlier first, sampled by the task's share."""
    frames = [scene for scene in group if scene.video_id is not None and scene.frame_index is not None]
    for place, earlier in enumerate(frames):
        for later in frames[place + 1 :]:
            gap = (later.frame_index or 0) - (earlier.frame_index or 0)
            if gap > MOST_FRAMES_APART:
                break
            alike = (earlier.width, earlier.height, earlier.split) == (later.width, later.height, later.split)
            if gap > 0 and alike and context.kept(task, earlier.image_sha256, later.image_sha256):
                yield earlier, later


def region(item: ReleasedObject) -> str:
    """Return the box of an object as written in a prompt."""
    return json.dumps({"bbox_2d": rounded(item.box)})


def ask_change(task: str, pair: Pair, without: Scene, having: Scene, context: QuestionContext) -> Iterator[Question]:
    """Ask for the one object of a class in ``having`` that is not in ``without``, if that is certain."""
    found = {}
    for label in having.records:
        more, fewer = having.tracks.get(label, {}), without.tracks.get(label, {})
        tracked = len(more) == len(having.of(label)) and len(fewer) == len(without.of(label))
        certain = label in having.certain and label in without.certain
        if certain and tracked and len(more) == len(fewer) + 1 and fewer.keys() < more.keys():
            found[label] = more[min(more.keys() - fewer.keys())]
    if found:
        item = found[context.pick(sorted(found), task, *about(pair))]
        if distinct(item, having, of_class=True):
            yield pair_question(task, pair, having, item, context)


def pair_question(
    task: str,
    pair: Pair,
    home: Scene,
    item: ReleasedObject,
    context: QuestionContext,
    given: ReleasedObject | None = None,
) -> Question:
    """Return the question about one object of a pair; it belongs to the object's record in ``home``."""
    other = pair[0] if home is pair[1] else pair[1]
    name = context.name(task, pair, item.label, *about(pair))
    return object_question(
        task,
        home,
        item,
        name,
        part=other.image_sha256[:16],
        scenes=pair,
        slots={"region": region(given)} if given else {},
        object_ids=ids([given, item] if given else [item]),
    )


def moved(before: ReleasedObject, after: ReleasedObject) -> bool:
    """Return whether the centre moved by more than the object's size, with the whole object visible both times."""
    whole = not (before.truncated or after.truncated)
    return whole and math.dist(before.centre, after.centre) > max(*before.sides, *after.sides)


def about(pair: Pair) -> tuple[str, str]:
    """Return the hashes of both images, on which random choices about a pair depend."""
    return pair[0].image_sha256, pair[1].image_sha256
