"""Scores of texts about pictures: sentences true, false and not checkable, and the share of the facts that they say."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from medmultipoints.transforms.claims.facts import PictureFacts
from medmultipoints.transforms.claims.records import Claim, JudgedSentence

RECALLED = (("place",), ("size", "share"), ("border",))
"""Facts that a description should give of the object asked for, each by the kinds of claims that give it."""


@dataclass(frozen=True, slots=True)
class TextScore:
    """Sentences of one text by verdict, and how many facts of how many it says."""

    true: int
    false: int
    uncheckable: int
    said: int
    facts: int


def score_text(judged: Sequence[JudgedSentence], picture: PictureFacts) -> TextScore:
    """Return the score of one judged text.

    Facts are the count of each label that the picture shows, and place, size and borders of the object asked for.
    """
    verdicts = Counter(sentence.verdict for sentence in judged)
    true = [
        claim for sentence in judged for claim, verdict in sentence.claims if verdict == "true" and not claim.denied
    ]
    labels = {one.label for one in picture.objects}
    said = len({claim.about.label for claim in true if _says_count(claim, picture)} & labels)
    facts = len(labels)
    if picture.asked is not None:
        kinds = _said_of_asked(true, picture)
        facts += len(RECALLED)
        said += sum(bool(kinds & set(names)) for names in RECALLED)
    return TextScore(verdicts["true"], verdicts["false"], verdicts["uncheckable"], said, facts)


def _says_count(claim: Claim, picture: PictureFacts) -> bool:
    """Whether a claim gives the number of a label's objects; of a single one, that there is one."""
    count = len(picture.of(claim.about.label or ""))
    exact = claim.numbers.get("least") == claim.numbers.get("most") == count
    return not claim.about.given and (exact if claim.kind == "count" else claim.kind == "presence" and count == 1)


def _said_of_asked(true: Iterable[Claim], picture: PictureFacts) -> set[str]:
    """Return the kinds of true claims that are about the object asked for, or about the only one of its label."""
    assert picture.asked is not None
    label = picture.objects[picture.asked].label
    meant = {None, label} if len(picture.of(label)) == 1 else {None}
    claims = [inner for claim in true if claim.about.label in meant for inner in (claim, *claim.about.given)]
    return {claim.kind for claim in claims if not claim.denied}


def total(scores: Iterable[TextScore]) -> dict[str, Any]:
    """Return the sentences of all texts by verdict, and ``recall``, the share of the facts that they say."""
    every = list(scores)
    said, facts = sum(score.said for score in every), sum(score.facts for score in every)
    found: dict[str, Any] = {
        name: sum(getattr(score, name) for score in every) for name in ("true", "false", "uncheckable")
    }
    return {"texts": len(every), **found, "recall": round(said / facts, 4) if facts else None}
