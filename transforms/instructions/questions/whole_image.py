"""What the image as a whole is: its organ, class and finding, the path down to its objects, the count of each class."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.phrases import density_word, listed
from medmultipoints.transforms.instructions.questions.question import Question, Words, ids
from medmultipoints.transforms.instructions.scenes import Scene


def ask_classification(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """Organ, class and finding of each image, in the words of its source."""
    for scene in group:
        if words.kept("classification", scene.image_sha256):
            content = {"organ": scene.organ, "classification": scene.classification, "finding": scene.finding}
            yield Question(task="classification", home=scene, record_id=scene.first_record, content=content)


def ask_label_path(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """Organ, class, finding, object: one path for each record that has objects."""
    for scene in group:
        for label, record_id in scene.records.items():
            if not scene.of(label) or not words.kept("label_path", record_id):
                continue
            name = words.lexicon.clear(label)
            path = [scene.organ, scene.classification, scene.finding, name.singular]
            yield Question(
                task="label_path",
                home=scene,
                record_id=record_id,
                label=label,
                name=name,
                content={"path": path},
                object_ids=ids(scene.of(label)),
            )


def ask_class_counts(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """The count of each class whose absence would be certain, where there are several, and the density of all."""
    for scene in group:
        if len(scene.certain) < 2 or not words.kept("class_counts", scene.image_sha256):
            continue
        names = {label: words.lexicon.clear(label) for label in scene.certain}
        things = [thing for thing in scene.things if thing.label in names]
        classes = [{"label": name.singular, "counts": len(scene.of(label))} for label, name in names.items()]
        content = {"classes": classes, "counts": len(things), "density": density_word(len(things))}
        yield Question(
            task="class_counts",
            home=scene,
            record_id=scene.first_record,
            slots={"classes": listed([name.plural for name in names.values()])},
            content=content,
            object_ids=ids(things),
        )
