"""Score texts about pictures: read a response, count true, false and uncheckable sentences, compute the recall."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from medmultipoints.transforms.claims.claim_types import Claim, JudgedSentence, Mention, Verdict
from medmultipoints.transforms.claims.facts import PictureFacts
from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value
from medmultipoints.transforms.scoring.bootstrap import intervals, known
from medmultipoints.transforms.scoring.detection import Floats

RECALLED = (("place",), ("size", "share"), ("border",))
"""Facts that a description should give about the object of the question, with the kinds of claims that give them."""


_COUNTS = (*get_args(Verdict), "said", "facts")


@dataclass(frozen=True, slots=True)
class TextScore:
    """Number of sentences of one text by verdict, and of the facts it gives out of all facts."""

    true: int
    false: int
    uncheckable: int
    said: int
    facts: int


@dataclass(frozen=True, slots=True)
class GroupedScore:
    """The score of one text with its sentences, and the group by which its picture is resampled."""

    group: str
    score: TextScore
    name: str = ""
    sentences: tuple[JudgedSentence, ...] = ()


def score_text(judged: Sequence[JudgedSentence], picture: PictureFacts) -> TextScore:
    """Return the score of one judged text.

    Facts are the count of each label in the picture, and place, size and borders of the object of the question.
    """
    verdicts = Counter(sentence.verdict for sentence in judged)
    true = [
        claim for sentence in judged for claim, verdict in sentence.claims if verdict == "true" and not claim.denied
    ]
    labels = {one.label for one in picture.objects}
    given = len({claim.about.label for claim in true if _says_count(claim, picture)} & labels)
    facts = len(labels)
    if picture.asked is not None:
        kinds = _said_of_asked(true, picture)
        facts += len(RECALLED)
        given += sum(bool(kinds & set(names)) for names in RECALLED)
    return TextScore(verdicts["true"], verdicts["false"], verdicts["uncheckable"], given, facts)


def _says_count(claim: Claim, picture: PictureFacts) -> bool:
    """Return whether a claim gives the number of a label's objects; for a single object, its presence is enough."""
    count = len(picture.of(claim.about.label or ""))
    exact = claim.numbers.get("least") == claim.numbers.get("most") == count
    return not claim.about.given and (exact if claim.kind == "count" else claim.kind == "presence" and count == 1)


def _said_of_asked(true: Iterable[Claim], picture: PictureFacts) -> set[str]:
    """Return the kinds of true claims about the object of the question, or about the only object of its label."""
    assert picture.asked is not None
    label = picture.objects[picture.asked].label
    lone = len(picture.of(label)) == 1
    claims = [inner for claim in true if _means(claim.about, label, lone) for inner in (claim, *claim.about.given)]
    return {claim.kind for claim in claims if not claim.denied}


def _means(about: Mention, asked: str, lone: bool) -> bool:
    """Return whether a phrase refers to the object of the question, whose label is ``asked``."""
    single = about.determiner == "the" and not about.given
    return about.label is None or (about.label == asked and (lone or single))


def total(scores: Sequence[GroupedScore]) -> dict[str, Any]:
    """Return the number of sentences by verdict, and ``recall``, the share of the facts that the texts give.

    ``intervals``: 95 % intervals of the share of each verdict and of recall, from resampling the groups; None if there
    are fewer than two groups.
    """
    groups = sorted({one.group for one in scores})
    sums = np.zeros((len(groups), len(_COUNTS)))
    for one in scores:
        sums[groups.index(one.group)] += [getattr(one.score, name) for name in _COUNTS]
    whole = dict(zip(_COUNTS, map(int, sums.sum(axis=0)), strict=True))
    ends = {name: [known(round(end, 4)) for end in pair] for name, pair in intervals(groups, sums, _shares).items()}
    recall = round(whole["said"] / whole["facts"], 4) if whole["facts"] else None
    verdicts = {name: whole[name] for name in get_args(Verdict)}
    return {"texts": len(scores), **verdicts, "recall": recall, "intervals": ends}


def by_kind(scores: Iterable[GroupedScore]) -> dict[str, dict[str, int]]:
    """Return the number of claims of each kind by verdict, kinds in alphabetical order."""
    counted = Counter(
        (claim.kind, verdict) for one in scores for text in one.sentences for claim, verdict in text.claims
    )
    kinds = sorted({kind for kind, _ in counted})
    return {kind: {verdict: counted[kind, verdict] for verdict in get_args(Verdict)} for kind in kinds}


def by_sentence(scores: Iterable[GroupedScore]) -> list[dict[str, str]]:
    """Return every sentence with the id of its text, its verdict, and the reason if it is not true."""
    return [
        {"id": one.name, "text": text.text, "verdict": text.verdict, "reason": text.reason}
        for one in scores
        for text in one.sentences
    ]


def _shares(sums: Floats) -> dict[str, Floats]:
    """Return the share of each verdict among the sentences, and recall; the last axis of ``sums`` is ``_COUNTS``."""
    by_name = {name: sums[..., place] for place, name in enumerate(_COUNTS)}
    sentences = sums[..., :3].sum(axis=-1)
    with np.errstate(invalid="ignore"):
        found = {name: np.asarray(by_name[name] / sentences) for name in get_args(Verdict)}
        return found | {"recall": np.asarray(by_name["said"] / by_name["facts"])}


def described_text(response: str) -> str:
    """Return caption and sentences of a response in JSON, one per line; otherwise the response itself."""
    try:
        value = find_value(response)
    except NoAnswer:
        return response
    if not isinstance(value, Mapping) or not {"caption", "sentences"} & set(value):
        return response
    sentences = value.get("sentences")
    listed = sentences if isinstance(sentences, list) else [sentences]
    return "\n".join(filter(None, (_text(value.get("caption")), *map(_text, listed))))


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, Mapping) else part
    return text if isinstance(text, str) else ""
