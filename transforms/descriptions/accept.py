"""Accept the sentences of a reply that agree with the measured facts of its picture, claim by claim."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from medmultipoints.transforms.claims.claim_types import JudgedSentence, Verdict
from medmultipoints.transforms.claims.facts import PictureFacts, Vocabulary
from medmultipoints.transforms.claims.judge import judge_text, objects_of
from medmultipoints.transforms.claims.parsing.spelling import plain_words
from medmultipoints.transforms.descriptions.replies import Outcome, Said, declines, read_reply, without_thoughts

Uncheckable = Literal["drop", "mark"]


@dataclass(frozen=True, slots=True)
class AcceptPolicy:
    """What to do with uncheckable sentences, and the least share of a text that must be kept."""

    uncheckable: Uncheckable = "drop"
    least_kept: float = 0.3


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """One sentence with its verdict; ``objects``: indices of the objects it refers to; ``kept``: it is released.

    ``repeated``: the same is said before in the text.
    """

    part: str
    text: str
    verdict: Verdict
    reason: str
    objects: tuple[int, ...]
    kept: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The judged sentences of a reply; ``reason`` says why nothing is kept, and is empty if something is."""

    sentences: tuple[JudgedPart, ...]
    reason: str = ""

    @property
    def kept(self) -> tuple[JudgedPart, ...]:
        """Return the sentences that are kept."""
        return () if self.reason else tuple(one for one in self.sentences if one.kept)

    @property
    def lost(self) -> tuple[JudgedPart, ...]:
        """Return the refused sentences; all of them if the text is refused."""
        return self.sentences if self.reason else tuple(one for one in self.sentences if not one.kept)

    @property
    def share(self) -> float:
        """Return the share of the sentences that are kept."""
        return len(self.kept) / len(self.sentences) if self.sentences else 0.0


def accept_reply(
    reply: str, outcome: Outcome, picture: PictureFacts, vocabulary: Vocabulary, policy: AcceptPolicy
) -> Accepted:
    """Return the sentences of a reply with their verdicts, and whether enough of them are kept.

    A sentence with a false claim is never kept, nor a repeated one; an uncheckable one is kept only if the policy marks
    such sentences.
    """
    if outcome != "answered":
        return Accepted((), {"refused": "model_declined", "cut": "answer_cut"}[outcome])
    answer = without_thoughts(reply)
    sentences = read_reply(answer)
    if sentences is None:
        return Accepted((), "model_declined" if declines(answer) else "another_form")
    judged = _settle(sentences, picture, vocabulary, policy)
    kept = sum(one.kept for one in judged)
    if not kept:
        return Accepted(judged, "nothing_kept")
    return Accepted(judged, "" if kept >= policy.least_kept * len(judged) else "too_much_lost")


def _settle(
    said: Sequence[Said], picture: PictureFacts, vocabulary: Vocabulary, policy: AcceptPolicy
) -> tuple[JudgedPart, ...]:
    """Judge all sentences, then judge the kept ones without the others, until the verdicts no longer change.

    Removing a sentence may change the referent of "it" in the next one.
    """
    wanted = {"true"} if policy.uncheckable == "drop" else {"true", "uncheckable"}
    judged = _mark_repeated(judge_parts(said, picture, vocabulary))
    judged = [replace(one, kept=one.verdict in wanted and not one.repeated) for one in judged]
    while True:
        places = [place for place, one in enumerate(judged) if one.kept]
        again = judge_parts([Said(judged[place].part, judged[place].text) for place in places], picture, vocabulary)
        changed = [place for place, one in zip(places, again, strict=True) if one != replace(judged[place], kept=False)]
        if not changed:
            return tuple(judged)
        for place in changed:
            judged[place] = replace(judged[place], kept=False)


def _mark_repeated(judged: Sequence[JudgedPart]) -> list[JudgedPart]:
    """Mark each sentence with the words and objects of an earlier one; "it" may refer to another object."""
    seen: set[tuple[str, tuple[int, ...]]] = set()
    found = []
    for one in judged:
        same = plain_words(one.text).strip(" .!;,"), one.objects
        found.append(replace(one, repeated=same in seen))
        seen.add(same)
    return found


def judge_parts(said: Sequence[Said], picture: PictureFacts, vocabulary: Vocabulary) -> list[JudgedPart]:
    """Return each sentence with its verdict, none of them kept; "it" never refers to another part's subject."""
    found: list[JudgedPart] = []
    for part, sentences in groupby(said, key=lambda one: one.part):
        judged = judge_text("\n".join(sentence.text for sentence in sentences), picture, vocabulary)
        found += [JudgedPart(part, one.text, one.verdict, one.reason, _rests_on(one, picture)) for one in judged]
    return found


def _rests_on(sentence: JudgedSentence, picture: PictureFacts) -> tuple[int, ...]:
    found = (objects_of(claim, picture) for claim, verdict in sentence.claims if verdict == "true")
    return tuple(sorted({place for places in found for place in places}))
