"""Ask to judge pairs of statements, one true and one with a made-up attribute, as in ProbMed."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from medmultipoints.transforms.instructions.answers.shapes import has_shape
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import Reading, require
from medmultipoints.transforms.instructions.proofs.statement_proofs import ids_of, judge_of, kinds_of
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids
from medmultipoints.transforms.instructions.questions.statement_questions import (
    Attribute,
    absent_attribute,
    absent_labels,
    find_attributes,
)
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task

MOST_PAIRS: Final = 3


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask one question per image: up to three attributes of one class, mixed with their made-up counterparts."""
    for scene in group:
        labels = sorted({item.label for item in scene.objects} & set(scene.certain))
        wanted = [*labels, *absent_labels(scene, context)]
        if not wanted or not context.kept("negation_pairs", scene.image_sha256):
            continue
        label = context.pick(wanted, "negation_pairs", scene.image_sha256)
        name = context.name("negation_pairs", [scene], label, scene.image_sha256)
        found = find_attributes(scene, label, name, context) or [absent_attribute(name)]
        drawn = sorted(found, key=lambda one: context.draw("attribute", scene.image_sha256, one.kind))
        yield _question(scene, label, drawn[:MOST_PAIRS], context)


def _question(scene: Scene, label: str, chosen: Sequence[Attribute], context: QuestionContext) -> Question:
    pairs = [(text, holds) for one in chosen for text, holds in ((one.true, True), (one.made_up, False))]
    mixed = sorted(pairs, key=lambda pair: context.draw("statement", scene.image_sha256, pair[0]))
    return Question(
        task="negation_pairs",
        home=scene,
        record_id=scene.first_record,
        slots={"statements": json.dumps({"statements": [text for text, _ in mixed]})},
        content={"holds": [holds for _, holds in mixed]},
        object_ids=ids(scene.of(label)),
    )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the objects of the class in the statements.

    Half of the statements must be made up.
    """
    (scene,), stated = scenes, reading.answer
    require(len(reading.given) == 1 and has_shape(reading.given[0], {"statements": [str]}), "given_differs")
    texts = reading.given[0]["statements"]
    require(len(texts) == len(stated["holds"]) > 0, "given_differs")
    judge = judge_of(scene, lexicon)
    judged = [judge.judge(text) for text in texts]
    require([holds for holds, _ in judged] == stated["holds"], "verdict_differs")
    claims = [claim for _, claim in judged]
    require(len({claim.about.label for claim in claims}) == 1, "classes_differ")
    true, made_up = ([kinds_of(claim) for holds, claim in judged if holds is sign] for sign in (True, False))
    require(sorted(map(sorted, true)) == sorted(map(sorted, made_up)), "statements_unpaired")
    return ids_of(judge, claims)


TASK = Task(
    name="negation_pairs",
    ask=ask,
    prove=prove,
    shape={"holds": [bool]},
    slots={"statements": '{"statements": ["There is no thing."]}'},
    names="none",
    labelled=False,
    whole_image=True,
)
