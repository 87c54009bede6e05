"""Ask for the object identified by a phrase in one of several unrelated stills: "the largest in the third image"."""

import re
from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import ORDINALS, REFERENTS
from medmultipoints.transforms.instructions.proofs.reading import Reading, require
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, object_question
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task
from medmultipoints.transforms.instructions.tasks.referring import find_referents, prove_referent
from medmultipoints.transforms.records import ReleasedObject


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask at most one question per record of a still, shown with the next two stills in the order of hashes."""
    stills = sorted((one for one in group if one.video_id is None), key=lambda one: one.image_sha256)
    if len(stills) < len(ORDINALS):
        return
    for place, home in enumerate(stills):
        shown = [stills[(place + step) % len(stills)] for step in range(len(ORDINALS))]
        for label, record_id in home.records.items():
            found = find_referents(home, label, among_images=True)
            if found and context.kept("stills_referring", record_id):
                yield _question(home, shown, label, found, context)


def _question(
    home: Scene, shown: Sequence[Scene], label: str, found: dict[str, ReleasedObject], context: QuestionContext
) -> Question:
    record_id = home.records[label]
    scenes = sorted(shown, key=lambda one: context.draw("stills", record_id, one.image_sha256))
    kind = context.pick(sorted(found), "stills_referring", record_id)
    name = context.name("stills_referring", scenes, label, record_id)
    slots = {"referent": REFERENTS[kind].format(name=name.singular), "ordinal": ORDINALS[scenes.index(home)]}
    return object_question("stills_referring", home, found[kind], name, scenes=tuple(scenes), slots=slots)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object that the answer refers to, in the image named by the prompt."""
    require(all(scene.video_id is None for scene in scenes), "image_files_differ")
    named = [place for place, word in enumerate(ORDINALS) if re.search(rf"\b{word} image\b", reading.ask)]
    require(len(named) == 1, "prompt_names_differ")
    return prove_referent(reading, scenes, scenes[named[0]], lexicon, least_objects=1)


TASK = Task(
    name="stills_referring",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    images=len(ORDINALS),
    slots={"referent": "leftmost {name}", "ordinal": "third"},
    stills=True,
)
