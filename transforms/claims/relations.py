"""Read relations between two objects: relative position, size and brightness, overlap and contact."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from medmultipoints.transforms.claims.claim_types import Claim, Mention
from medmultipoints.transforms.claims.predicates import NUMBERS, number_of

_N: Final = rf"(?:\d+(?:\.\d+)?|{'|'.join(NUMBERS)})"
_HOW: Final = rf"""(?x:
    (?P<lies>to\ the\ (?:upper\ |lower\ )?(?:left|right)\ of|left\ of|right\ of|above|below|over|under|beneath)
    | (?P<overlaps>overlaps?\ with|overlaps?|overlapping)
    | (?P<touches>touch(?:es|ing)?|in\ contact\ with)
    | (?P<sized>larger|bigger|smaller)\ than
    | (?:(?P<times>{_N}\ times|twice|half)\ )as\ (?:large|big)\ as
    | (?P<same>as\ (?:large|big)\ as|(?:about\ )?the\ same\ size\ as)
    | (?P<bright>brighter|lighter|darker)\ than
)"""
_EACH: Final = "both|all(?: of)?(?: the)?|each|every"
_TIMES: Final = {"twice": 2.0, "half": 0.5}


@dataclass(frozen=True, slots=True)
class Related:
    """A relation, the end of its phrase, and the other object (None if it is a pronoun)."""

    end: int
    claim: Claim
    other: Mention | None


@dataclass(frozen=True)
class RelationReader:
    """Reader of relations to objects whose names match ``noun``; ``other`` turns a match into a mention."""

    noun: str
    other: Callable[[re.Match[str], str], Mention]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(rf"{_HOW} (?:(?P<article>the|an?|{_EACH}) {self.noun}|(?P<pronoun>it|them)\b)")

    def read(self, words: str, at: int) -> Related | None:
        """Return the relation that begins at a position, or None."""
        match = self._pattern.match(words, at)
        if match is None:
            return None
        claim = _claim(match)
        if claim.value in ("equal", "times") and match["article"] not in ("the", "a", "an", None):
            return None  # "as large as both": each of them, or together
        if match["article"] == "both":
            claim = replace(claim, numbers={**claim.numbers, "others": 2})
        return Related(match.end(), claim, None if match["pronoun"] else self.other(match, match["article"]))


def _claim(match: re.Match[str]) -> Claim:
    if match["lies"]:
        return Claim(kind="relation", value=match["lies"].removeprefix("to the ").removesuffix(" of"))
    if match["overlaps"]:
        return Claim(kind="overlap")
    if match["touches"]:
        return Claim(kind="touch")
    if match["bright"]:
        return Claim(kind="brightness", value="darker" if match["bright"] == "darker" else "brighter")
    if match["times"]:
        word = match["times"].removesuffix(" times")
        return Claim(kind="comparison", value="times", numbers={"times": _TIMES.get(word) or number_of(word)})
    return Claim(kind="comparison", value="equal" if match["same"] else _larger(match["sized"]))


def _larger(word: str) -> str:
    return "smaller" if word == "smaller" else "larger"
