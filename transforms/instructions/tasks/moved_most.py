"""Ask for the object of a class that moved farthest between two frames of a video."""

import math
from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import LEAD_OF_MOVES
from medmultipoints.transforms.instructions.proofs.pairs import far, two_frames
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_object, label_of, require
from medmultipoints.transforms.instructions.questions.frame_pairs import about, moved, pair_question, pairs
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, distinct
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for the object of a class that moved by far the most, if both frames show the same objects of the class."""
    for pair in pairs(group, "moved_most", context):
        earlier, later = pair
        found = {}
        for label in later.records:
            before, after = earlier.tracks.get(label, {}), later.tracks.get(label, {})
            whole = not any(item.truncated for item in (*before.values(), *after.values()))
            if len(after) > 1 and before.keys() == after.keys() and whole:
                ways = {track: math.dist(before[track].centre, after[track].centre) for track in after}
                first, second = sorted(ways, key=lambda track: (-ways[track], track))[:2]
                leads = ways[first] >= LEAD_OF_MOVES * ways[second] and moved(before[first], after[first])
                if leads and distinct(after[first], later):
                    found[label] = after[first]
        if found:
            item = found[context.pick(sorted(found), "moved_most", *about(pair))]
            yield pair_question("moved_most", pair, later, item, context)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object that moved farthest, in the later frame."""
    earlier, later = two_frames(scenes)
    require(not reading.given, "given_differs")
    label = label_of(lexicon, scenes, reading.answer["label"])
    meant = find_object(later.of(label), reading.answer["bbox_2d"], "boxes_differ")
    both = [*earlier.of(label), *later.of(label)]
    require(all(item.track_id and not item.truncated for item in both), "referent_not_unique")
    before = {item.track_id: item for item in earlier.of(label)}
    require(sorted(map(str, before)) == sorted(str(item.track_id) for item in later.of(label)), "referent_not_unique")
    way = math.dist(before[meant.track_id].centre, meant.centre)
    others = [item for item in later.of(label) if item is not meant]
    leads = all(way >= LEAD_OF_MOVES * math.dist(before[o.track_id].centre, o.centre) for o in others)
    require(bool(others) and leads and far(before[meant.track_id], meant), "referent_not_unique")
    return (meant.object_id,)


TASK = Task(
    name="moved_most",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    images=2,
)
