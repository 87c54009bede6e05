"""Ask about one class in a dialogue of several turns: presence, count, place, size, borders."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Name
from medmultipoints.transforms.instructions.phrases import LARGE, SIZES, in_image
from medmultipoints.transforms.instructions.proofs.reading import Reading, Wrong, label_of, require
from medmultipoints.transforms.instructions.proofs.statement_proofs import ids_of, judge_of, kinds_of
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids
from medmultipoints.transforms.instructions.questions.statement_questions import (
    Attribute,
    absent_attribute,
    absent_labels,
    count_text,
    find_attributes,
    present_attribute,
)
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task

TURNS: Final[Mapping[str, str]] = {
    "presence": "Does the image show {a_name}?",
    "count": "How many of them are there?",
    "place": "Where does its centre lie: upper, middle or lower, and left, centre or right?",
    "size": f"Is it {', '.join((in_image(SIZES[0][1]), *(name for _, name in SIZES[1:])))} or {LARGE}?",
    "border": "Which borders does it touch?",
}
"""The question of each turn, in this order; all but the first refer to the previous answers."""
_FORMS: Final = {
    kind: re.compile(re.escape(form).replace(re.escape("{a_name}"), "an? .+")) for kind, form in TURNS.items()
}


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Yield one dialogue per image, about a class that is present or certainly absent."""
    for scene in group:
        present = sorted({item.label for item in scene.objects} & set(scene.certain))
        absent = absent_labels(scene, context)
        few = absent if absent and context.draw("absent dialogue", scene.image_sha256) < context.absent else present
        if few and context.kept("dialogue", scene.image_sha256):
            label = context.pick(few, "dialogue", scene.image_sha256)
            name = context.name("dialogue", [scene], label, scene.image_sha256)
            yield _question(scene, label, name, _attributes(scene, label, name, context))


def _attributes(scene: Scene, label: str, name: Name, context: QuestionContext) -> list[Attribute]:
    found = find_attributes(scene, label, name, context)
    if not found:
        return [absent_attribute(name), Attribute("count", count_text(0, name), "", ())]
    return [present_attribute(scene.of(label), name), *found]


def _question(scene: Scene, label: str, name: Name, found: Sequence[Attribute]) -> Question:
    asked = [TURNS[one.kind].format(a_name=name.with_article) for one in found]
    turns = [{"question": text, "answer": one.true} for text, one in zip(asked, found, strict=True)]
    return Question(
        task="dialogue",
        home=scene,
        record_id=scene.first_record,
        slots={"questions": json.dumps({"questions": asked})},
        content={"turns": turns},
        object_ids=ids(scene.of(label)),
    )


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the objects of the class, after checking that every answer is true and fits its question."""
    (scene,), turns = scenes, reading.answer["turns"]
    asked = [turn["question"] for turn in turns]
    require(len(turns) > 1 and list(reading.given) == [{"questions": asked}], "given_differs")
    kinds = [_kind(text) for text in asked]
    require(kinds == [kind for kind in TURNS if kind in kinds], "questions_differ")
    require(kinds[:2] == ["presence", "count"], "questions_differ")
    judge = judge_of(scene, lexicon)
    claims = []
    for kind, turn in zip(kinds, turns, strict=True):
        holds, claim = judge.judge(turn["answer"])
        require(holds, "answer_untrue")
        require(kind in kinds_of(claim), "answer_to_another_question")
        claims.append(claim)
    label = label_of(lexicon, scenes, _named(asked[0]))
    require({claim.about.label for claim in claims} == {label}, "classes_differ")
    return ids_of(judge, claims)


def _kind(question: str) -> str:
    for kind, form in _FORMS.items():
        if form.fullmatch(question):
            return kind
    raise Wrong("questions_differ")


def _named(question: str) -> str:
    found = re.fullmatch(r"Does the image show an? (.+)\?", question)
    return found[1] if found else ""


TASK = Task(
    name="dialogue",
    ask=ask,
    prove=prove,
    shape={"turns": [{"question": str, "answer": str}]},
    slots={"questions": '{"questions": ["Does the image show a thing?", "How many of them are there?"]}'},
    names="none",
    labelled=False,
    whole_image=True,
)
