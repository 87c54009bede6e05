"""Read phrases that name objects: a determiner or number, adjectives, and the name of a label."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from medmultipoints.transforms.claims.claim_types import PREMISE, Claim, Determiner, Mention
from medmultipoints.transforms.claims.facts import Vocabulary
from medmultipoints.transforms.claims.parsing.predicates import (
    NUMBERS,
    OF_TWO,
    SIZE_NAMES,
    SUPERLATIVES,
    degree,
    number_of,
)

Quantifier = Literal["the", "a", "no", "count", "each", "part", "asked", "any"]
_NUMBER: Final = rf"(?:{'|'.join(NUMBERS)}|\d+)"
_HOW: Final = "exactly|only|just|at least|more than|no fewer than|at most|up to|fewer than|less than"
_EXACT: Final = "(?:only|just|exactly|at least)"
_COUNTED: Final = re.compile(rf"(?P<how>{_HOW})? ?(?P<number>{_NUMBER})")
_RANGE: Final = re.compile(rf"(?:between )?(?P<least>{_NUMBER}) (?:and|to|-|\u2013) (?P<most>{_NUMBER})")
_LEFT_OVER: Final = ("no other", "no further", "no additional")
_DETERMINERS: Final = (
    rf"(?:{_EXACT} )?{_NUMBER} of (?:the|these|those)(?: {_NUMBER})?", "(?:some|most)(?: of (?:the|these|those))?",
    rf"between {_NUMBER} and {_NUMBER}", rf"{_NUMBER} (?:to|-|\u2013) {_NUMBER}", rf"(?:(?:{_HOW}) )?{_NUMBER}",
    rf"(?:the|these|those|all|all of the) {_NUMBER}", "(?:only )?a single", "a few", "several",
    "multiple", "both", "all", "each", "every", "none", "neither",
    *_LEFT_OVER, "no", "any", "an", "a", "the", "this", "that",
    "these", "those",
)  # fmt: skip
_PART: Final = re.compile(
    rf"(?P<part>some|most|(?:{_EXACT} )?{_NUMBER}(?= of))(?: of (?:the|these|those)(?: (?P<whole>{_NUMBER}))?)?"
)
_PARTED: Final = ("all", "both", "each", "none", "neither")
_MANY: Final = re.compile(r" (?:are|lie|touch|reach|cover|occupy|do|sit|appear|look|overlap)\b")
_WORDS: Final[dict[str, Quantifier]] = {
    "a": "a", "an": "a", "any": "any", "no": "no", "none": "no", "neither": "no", "both": "each", "all": "each",
    "each": "each", "every": "each",
}  # fmt: skip
_BOUNDS: Final = {
    "a single": {"least": 1, "most": 1}, "a few": {"least": 2}, "several": {"least": 2}, "multiple": {"least": 2},
    "both": {"least": 2, "most": 2},
}  # fmt: skip

_N: Final = rf"(?:\d+(?:\.\d+)?|{'|'.join(NUMBERS)})"
_SIDE_HOW: Final = rf"""(?x:
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
        return re.compile(rf"{_SIDE_HOW} (?:(?P<article>the|an?|{_EACH}) {self.noun}|(?P<pronoun>it|them)\b)")

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


@dataclass(frozen=True, slots=True)
class Named:
    """A phrase that names objects; ``end`` is its end position in the sentence; ``definite``: it has "the"."""

    end: int
    label: str
    quantifier: Quantifier
    bounds: dict[str, int]
    part: str
    adjectives: tuple[Claim, ...]
    plural: bool
    definite: bool


@dataclass(frozen=True)
class NameReader:
    """Reader of the names of a vocabulary in a sentence."""

    vocabulary: Vocabulary

    @cached_property
    def noun(self) -> str:
        """Pattern of adjectives and a name."""
        known = sorted({*self.vocabulary.singular, *self.vocabulary.plural}, key=len, reverse=True)
        names = "|".join(map(re.escape, known)) or "(?!)"
        of_two = rf"(?<=\bthe )(?:{'|'.join(OF_TWO)})"  # "the larger polyp": one of two
        plain = "|".join((*SIZE_NAMES, *SUPERLATIVES, of_two))
        return rf"(?P<adjectives>(?:(?:{plain}) )*)(?P<name>{names})(?![\w'-])"

    @cached_property
    def before_name(self) -> re.Pattern[str]:
        """Pattern of one or two words before a name."""
        return re.compile(rf"(?:\d+ (?:- )?[mc]m|[^\W\d_]+(?:-[^\W\d_]+)*(?: (?!of |the |a )[^\W\d_]+)?) {self.noun}")

    @cached_property
    def _organ(self) -> str:
        known = "|".join(map(re.escape, sorted(self.vocabulary.organs))) or "(?!)"
        return rf"(?:{known})(?![\w'-])"

    @cached_property
    def organ_place(self) -> re.Pattern[str]:
        """Pattern of "in the lower GI", which is not a position in the picture."""
        return re.compile(rf"\w+ the {self._organ}")

    @cached_property
    def is_organ(self) -> re.Pattern[str]:
        """Pattern of "this is the colon", which is about the picture."""
        return re.compile(rf"this is (?:not )?(?:the )?{self._organ}")

    @cached_property
    def part_of(self) -> re.Pattern[str]:
        """Pattern of phrases for some of several objects: "half of the polyps", "one of them"."""
        parted = "|".join(_PARTED)
        return re.compile(rf"(?!(?:{parted}) )[\w-]+ of (?:(?:them|these|those)\b|(?:the|these|those) {self.noun})")

    @cached_property
    def relations(self) -> RelationReader:
        """Reader of relations between two objects."""
        return RelationReader(self.noun, self._other)

    def _other(self, match: re.Match[str], article: str) -> Mention:
        determiner: Determiner = "the" if article == "the" else "a" if article in ("a", "an") else "each"
        return Mention(self.label(match), determiner, adjectives(match))

    def read_between(self, words: str, at: int) -> tuple[int, Mention, Mention] | None:
        """Return the end of "between the A and the B" and both mentions; None if no such phrase begins here."""
        if not words.startswith("between ", at):
            return None
        article = re.compile(rf"(?P<article>the|an?) {self.noun}")
        first = article.match(words, at + len("between "))
        if first is None or not words.startswith(" and ", first.end()):
            return None
        second = article.match(words, first.end() + len(" and "))
        if second is None:
            return None
        return second.end(), self._other(first, first["article"]), self._other(second, second["article"])

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        determiners = "|".join((*(rf"{word} of (?:the|these|those)" for word in _PARTED), *_DETERMINERS))
        return re.compile(rf"(?:(?P<determiner>{determiners}) )?{self.noun}")

    def read(self, words: str, at: int) -> Named | None:
        """Return the phrase that begins at a position, or None."""
        match = self._pattern.match(words, at)
        if match is None:
            return None
        quantifier, bounds, part = _quantity(match["determiner"] or "")
        plural = match["name"] not in self.vocabulary.singular or (
            match["name"] in self.vocabulary.plural and _MANY.match(words, match.end()) is not None
        )
        definite = match["determiner"] == "the"
        return Named(match.end(), self.label(match), quantifier, bounds, part, adjectives(match), plural, definite)

    def label(self, match: re.Match[str]) -> str:
        """Return the label of a match of ``noun``."""
        name = match["name"]
        return self.vocabulary.singular.get(name) or self.vocabulary.plural[name]


def adjectives(match: re.Match[str]) -> tuple[Claim, ...]:
    """Return the claims of the adjectives in a match of ``noun``."""
    return tuple(degree(word) for word in match["adjectives"].split())


def _quantity(determiner: str) -> tuple[Quantifier, dict[str, int], str]:
    """Return a determiner's class, its bounds on the number, and its part ("two of the")."""
    if match := _PART.fullmatch(determiner):
        whole = _exactly(match["whole"]) if match["whole"] else {}
        return "part", whole, match["part"]
    if determiner in _LEFT_OVER:
        return "count", {"most": 1, PREMISE: 1}, ""
    determiner = re.sub(r" of (?:the|these|those)\b", "", determiner)
    determiner = "a single" if determiner == "only a single" else determiner
    if determiner in _BOUNDS:
        return _WORDS.get(determiner, "count"), _BOUNDS[determiner], ""
    if match := _RANGE.fullmatch(determiner):
        return "count", {"least": int(number_of(match["least"])), "most": int(number_of(match["most"]))}, ""
    if match := _COUNTED.fullmatch(determiner):
        return "count", _bounds(match["how"], int(number_of(match["number"]))), ""
    article, _, number = determiner.partition(" ")
    if number:  # "the two"
        return "each", _exactly(number), ""
    return _WORDS.get(article, "the"), {}, article if article in ("all", "every") else ""


def _exactly(number: str) -> dict[str, int]:
    return _bounds(None, int(number_of(number)))


def _bounds(how: str | None, number: int) -> dict[str, int]:
    if how in ("at least", "more than", "no fewer than"):
        return {"least": number + (how == "more than")}
    if how in ("at most", "up to", "fewer than", "less than"):
        return {"most": number - (how in ("fewer than", "less than"))}
    return {"least": number, "most": number}


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
    value = "equal" if match["same"] else "smaller" if match["sized"] == "smaller" else "larger"
    return Claim(kind="comparison", value=value)
