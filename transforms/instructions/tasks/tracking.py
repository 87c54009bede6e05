"""Ask for the same object in a later frame of a video."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.pairs import far, given_box, two_frames
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_object, label_of, require
from medmultipoints.transforms.instructions.questions.frame_pairs import about, moved, pair_question, pairs
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, distinct
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import EXAMPLE_REGION, Task
from medmultipoints.transforms.records import ReleasedObject


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask where an object of the earlier frame is in the later one, if it moved by more than its own size."""
    for pair in pairs(group, "tracking", context):
        earlier, later = pair
        found: dict[str, tuple[ReleasedObject, ReleasedObject]] = {}
        for label in later.records:
            before, after = earlier.tracks.get(label, {}), later.tracks.get(label, {})
            wandered = (track for track in before.keys() & after.keys() if moved(before[track], after[track]))
            found |= {track: (before[track], after[track]) for track in wandered}
        clear = {
            track: (before_it, after_it)
            for track, (before_it, after_it) in found.items()
            if distinct(before_it, earlier) and distinct(after_it, later)
        }
        if clear:
            before_it, after_it = clear[context.pick(sorted(clear), "tracking", *about(pair))]
            yield pair_question("tracking", pair, later, after_it, context, given=before_it)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the object in the earlier and in the later frame."""
    earlier, later = two_frames(scenes)
    label = label_of(lexicon, scenes, reading.answer["label"])
    given = find_object(earlier.objects, given_box(reading), "given_differs")
    meant = find_object(later.of(label), reading.answer["bbox_2d"], "boxes_differ")
    require(given.label == label, "label_differs")
    require(given.track_id is not None and given.track_id == meant.track_id, "boxes_differ")
    same = [item for item in later.objects if item.track_id == given.track_id]
    require(len(same) == 1 and far(given, meant), "moved_too_little")
    return given.object_id, meant.object_id


TASK = Task(
    name="tracking",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    images=2,
    slots={"region": EXAMPLE_REGION},
)
