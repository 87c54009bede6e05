"""Is there any? Classes that are certainly absent, among classes that are there: one question an image."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.questions.question import Question, Words, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene


def ask_presence(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """One question for each image: a share of them, where that is possible, for a class that is certainly absent."""
    for scene in group:
        present = sorted({thing.label for thing in scene.things})
        shown = words.lexicon.present.get(scene.image_sha256, frozenset())
        absent = [label for label in scene.certain if label not in present and label not in shown]
        wanted = absent if absent and words.draw("absent", scene.image_sha256) < words.absent else present
        if wanted and words.kept("presence", scene.image_sha256):
            yield _ask(scene, words.pick(wanted, "presence", scene.image_sha256), words)


def _ask(scene: Scene, label: str, words: Words) -> Question:
    things = scene.of(label)
    name = words.name("presence", [scene], label, scene.image_sha256)
    content = {
        "present": bool(things),
        "counts": len(things),
        "bbox_2d": [rounded(thing.box) for thing in things],
        "label": name.singular,
    }
    return Question(
        task="presence",
        home=scene,
        record_id=scene.first_record,
        label=label,
        name=name,
        content=content,
        object_ids=ids(things),
    )
