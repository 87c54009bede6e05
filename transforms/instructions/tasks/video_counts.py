"""Ask for the counts of each class in four evenly spaced frames of a video, and the density of each frame."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import WINDOW, density_word, listed
from medmultipoints.transforms.instructions.proofs.reading import Reading, clear_label, density_of, require
from medmultipoints.transforms.instructions.proofs.windows import evenly
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids
from medmultipoints.transforms.instructions.questions.windows import windows
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for the count of each class that is certain in all frames, frame by frame, and the density of each frame."""
    for step, window in windows(group, "video_counts", context):
        first = window[0]
        labels = [label for label in first.certain if all(label in scene.certain for scene in window)]
        if not labels:
            continue
        names = {label: context.lexicon.clear(label) for label in labels}
        counts = {label: [len(scene.of(label)) for scene in window] for label in labels}
        classes = [
            {"label": names[label].singular, "per_image": counts[label], "mean": round(sum(counts[label]) / WINDOW, 2)}
            for label in labels
        ]
        totals = [sum(row) for row in zip(*counts.values(), strict=True)]
        yield Question(
            task="video_counts",
            home=first,
            record_id=first.first_record,
            part=str(step),
            scenes=window,
            slots={"classes": listed([name.plural for name in names.values()])},
            content={"classes": classes, "density": [density_word(total) for total in totals]},
            object_ids=ids([item for scene in window for item in scene.objects if item.label in labels]),
        )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of all objects counted, frame by frame."""
    evenly(scenes)
    classes, densities = reading.answer["classes"], reading.answer["density"]
    labels = [clear_label(lexicon, entry["label"]) for entry in classes]
    certain = set.intersection(*(set(scene.certain) for scene in scenes))
    require(bool(labels) and labels == sorted(certain), "classes_differ")
    require(listed([lexicon.clear(label).plural for label in labels]) in reading.ask, "prompt_names_differ")
    counted = [[item for item in scene.objects if item.label in certain] for scene in scenes]
    for label, entry in zip(labels, classes, strict=True):
        true = [sum(item.label == label for item in items) for items in counted]
        require(entry["per_image"] == true, "count_differs")
        require(abs(entry["mean"] - sum(true) / len(true)) < 1e-9, "count_differs")
    require(densities == [density_of(len(items)) for items in counted], "density_differs")
    return tuple(item.object_id for items in counted for item in items)


TASK = Task(
    name="video_counts",
    ask=ask,
    prove=prove,
    shape={"classes": [{"label": str, "per_image": [int], "mean": float}], "density": [str]},
    images=4,
    slots={"classes": "the first class and the second"},
    names="listed",
    whole_image=True,
)
