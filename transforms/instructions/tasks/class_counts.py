"""Ask for the counts of all classes of certain absence, and the density of the image."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import density_word, listed
from medmultipoints.transforms.instructions.proofs.reading import Reading, clear_label, density_of, require
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for the count of each class whose absence would be certain, if there are several, and the total density."""
    for scene in group:
        if len(scene.certain) < 2 or not context.kept("class_counts", scene.image_sha256):
            continue
        names = {label: context.lexicon.clear(label) for label in scene.certain}
        items = [item for item in scene.objects if item.label in names]
        classes = [{"label": name.singular, "counts": len(scene.of(label))} for label, name in names.items()]
        content = {"classes": classes, "counts": len(items), "density": density_word(len(items))}
        yield Question(
            task="class_counts",
            home=scene,
            record_id=scene.first_record,
            slots={"classes": listed([name.plural for name in names.values()])},
            content=content,
            object_ids=ids(items),
        )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of all objects counted, in the order of their classes."""
    (scene,), stated = scenes, reading.answer
    labels = [clear_label(lexicon, entry["label"]) for entry in stated["classes"]]
    require(len(labels) > 1 and sorted(labels) == labels == sorted(scene.certain), "classes_differ")
    require(listed([lexicon.clear(label).plural for label in labels]) in reading.ask, "prompt_names_differ")
    counted = [item for item in scene.objects if item.label in labels]
    for label, entry in zip(labels, stated["classes"], strict=True):
        require(entry["counts"] == sum(item.label == label for item in counted), "count_differs")
    require(stated["counts"] == len(counted), "count_differs")
    require(stated["density"] == density_of(len(counted)), "density_differs")
    return tuple(item.object_id for item in counted)


TASK = Task(
    name="class_counts",
    ask=ask,
    prove=prove,
    shape={"classes": [{"label": str, "counts": int}], "counts": int, "density": str},
    slots={"classes": "the first class and the second"},
    names="listed",
    whole_image=True,
)
