"""Scores of texts about pictures: sentences true, false and not checkable, and the share of the facts that they say."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from medmultipoints.transforms.claims.facts import PictureFacts
from medmultipoints.transforms.claims.records import JudgedSentence

RECALLED = ("count", "place", "size", "border")
"""Kinds of facts that a description should have, of each object that it is about."""


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
    true = [claim for sentence in judged for claim, verdict in sentence.claims if verdict == "true"]
    labels = {one.label for one in picture.objects}
    counted = {
        claim.label
        for claim in true
        if claim.kind == "count" or (claim.kind == "presence" and _lone(claim.label, picture))
    }
    asked = {claim.kind for claim in true if claim.kind in RECALLED[1:] or claim.kind == "share"}
    said = len(counted & labels)
    facts = len(labels)
    if picture.asked is not None:
        facts += 3
        said += sum(("place" in asked, bool({"size", "share"} & asked), "border" in asked))
    return TextScore(verdicts["true"], verdicts["false"], verdicts["uncheckable"], said, facts)


def _lone(label: str | None, picture: PictureFacts) -> bool:
    return label is not None and len(picture.of(label)) == 1


def total(scores: Iterable[TextScore]) -> dict[str, Any]:
    """Return the sentences of all texts by verdict, and ``recall``, the share of the facts that they say."""
    every = list(scores)
    said, facts = sum(score.said for score in every), sum(score.facts for score in every)
    found: dict[str, Any] = {
        name: sum(getattr(score, name) for score in every) for name in ("true", "false", "uncheckable")
    }
    return {"texts": len(every), **found, "recall": round(said / facts, 4) if facts else None}
