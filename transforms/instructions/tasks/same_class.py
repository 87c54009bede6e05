"""Ask for all objects in the later frame of the same class as an object in the earlier frame."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import MOST_OF_A_CLASS
from medmultipoints.transforms.instructions.proofs.pairs import given_box, two_frames
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_object, label_of, require, same_place
from medmultipoints.transforms.instructions.questions.frame_pairs import about, pairs, region
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, distinct, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import EXAMPLE_REGION, Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for all objects in the later frame of the class of an earlier object, if there are several classes."""
    for pair in pairs(group, "same_class", context):
        earlier, later = pair
        several = len({item.label for item in later.objects}) > 1
        few = [label for label in later.records if 0 < len(later.of(label)) <= MOST_OF_A_CLASS]
        labels = [label for label in few if label in later.certain and earlier.of(label)] if several else []
        if not labels:
            continue
        label = context.pick(labels, "same_class", *about(pair))
        given = context.pick(earlier.of(label), "same_class given", *about(pair))
        if distinct(given, earlier):
            name = context.name("same_class", pair, label, *about(pair)).singular
            yield Question(
                task="same_class",
                home=later,
                record_id=later.records[label],
                part=earlier.image_sha256[:16],
                scenes=pair,
                label=label,
                slots={"region": region(given)},
                content=[{"bbox_2d": rounded(item.box), "label": name} for item in later.of(label)],
                object_ids=ids([given, *later.of(label)]),
            )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the given object and of all objects of its class in the later frame."""
    earlier, later = two_frames(scenes)
    given = find_object(earlier.objects, given_box(reading), "given_differs")
    true = [item for item in later.objects if item.label == given.label]
    require(given.label in later.certain and 0 < len(true) <= MOST_OF_A_CLASS, "absence_uncertain")
    require(len(true) < len(later.objects), "referent_not_unique")
    require(len(reading.answer) == len(true), "boxes_differ")
    for entry, item in zip(reading.answer, true, strict=True):
        require(label_of(lexicon, scenes, entry["label"]) == given.label, "label_differs")
        require(same_place(entry["bbox_2d"], item.box), "boxes_differ")
    return given.object_id, *(item.object_id for item in true)


TASK = Task(
    name="same_class",
    ask=ask,
    prove=prove,
    shape=[{"bbox_2d": BOX, "label": str}],
    images=2,
    slots={"region": EXAMPLE_REGION},
    names="none",
)
