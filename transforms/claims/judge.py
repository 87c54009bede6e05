"""Judge claims against the measured facts of a picture: true, false or uncheckable.

A claim about several objects is true if it holds for all of them, false if for none, and otherwise uncheckable;
"a small polyp in the upper left" refers to any polyp that satisfies all of it. In a text about a given polyp, "the
polyp" is that one. Absence, exact counts and superlatives are certain only for completely annotated labels. Overlap
compares masks, or boxes if a mask is missing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from medmultipoints.transforms.claims.claim_types import PREMISE, Claim, JudgedSentence, Mention, Parsed, Verdict
from medmultipoints.transforms.claims.facts import ObjectFacts, PictureFacts, Vocabulary
from medmultipoints.transforms.claims.object_pairs import (
    Known,
    is_on_way,
    is_so_bright,
    is_so_large,
    lies,
    overlaps,
    touches,
)
from medmultipoints.transforms.claims.object_properties import PROPERTIES, extent_holds, share_holds
from medmultipoints.transforms.claims.parsing.enumerations import can_match
from medmultipoints.transforms.claims.parsing.grammar import parse_sentence, split_sentences
from medmultipoints.transforms.claims.parsing.predicates import number_of


def judge_text(text: str, picture: PictureFacts, vocabulary: Vocabulary) -> tuple[JudgedSentence, ...]:
    """Return each sentence of a text with its verdict; "it" refers to the subject of the previous sentence."""
    found: list[JudgedSentence] = []
    subject = Mention()
    for sentence in split_sentences(text):
        parsed, subject = parse_sentence(sentence, vocabulary, subject) if found else _parse_first(sentence, vocabulary)
        found.append(_judge_sentence(sentence, parsed, picture))
    return tuple(found)


@lru_cache(maxsize=10_000)
def _parse_first(sentence: str, vocabulary: Vocabulary) -> tuple[Parsed, Mention]:
    """Parse the first sentence of a text, cached: many statements of a release are equal."""
    return parse_sentence(sentence, vocabulary)


def _judge_sentence(sentence: str, parsed: Parsed, picture: PictureFacts) -> JudgedSentence:
    judged = tuple((claim, judge_claim(claim, picture)) for claim in parsed.claims)
    wrong = [claim.kind for claim, verdict in judged if verdict == "false"]
    if wrong and not parsed.doubtful:
        return JudgedSentence(sentence, "false", judged, f"{wrong[0]} is not as said")
    if parsed.unread:
        return JudgedSentence(sentence, "uncheckable", judged, f"cannot be checked: {', '.join(parsed.unread)}")
    if not judged or any(verdict == "uncheckable" for _, verdict in judged):
        return JudgedSentence(sentence, "uncheckable", judged, "cannot be checked")
    return JudgedSentence(sentence, "true", judged)


def judge_claim(claim: Claim, picture: PictureFacts) -> Verdict:
    """Return the verdict on one claim."""
    whole = _WHOLE.get(claim.kind)
    known = _deny(whole(claim, picture), claim) if whole else _of_objects(claim, picture)
    known = known or None if PREMISE in claim.numbers else known
    return "uncheckable" if known is None else "true" if known else "false"


def objects_of(claim: Claim, picture: PictureFacts) -> tuple[int, ...]:
    """Return the indices of the objects that a claim is about, in order; all indices if it is about all objects."""
    if claim.kind in ("alone", "organ"):
        return tuple(range(len(picture.objects))) if claim.kind == "alone" else ()
    meant = [one for mention in _mentions(claim) for one in _meant(mention, picture) or ()]
    return tuple(place for place, one in enumerate(picture.objects) if any(one is other for other in meant))


def _mentions(claim: Claim) -> list[Mention]:
    if claim.kind == "listed":
        return [claim.about]
    nested = [inner.other for inner in claim.about.given]
    return [mention for mention in (claim.about, claim.other, claim.second, *nested) if mention is not None]


def _deny(known: Known, claim: Claim) -> Known:
    return known if known is None or not claim.denied else not known


def _of_objects(claim: Claim, picture: PictureFacts) -> Known:
    """Judge a claim about the objects of its mention; None if uncertain."""
    complete = claim.about.label in picture.complete
    meant = _meant(claim.about, picture)
    if not meant:
        return False if meant is not None and complete else None
    known = {_holds(claim, one, picture) for one in meant}
    if claim.about.determiner == "each":
        if len(meant) > 1 and _holds_together(claim, meant):
            return None  # "the polyps cover 4 %": each of them, or together?
        if claim.denied and len(known) > 1:
            return None  # "they are not small": none of them, or not all?
        return False if False in known else True if known == {True} and complete else None
    return known.pop() if len(known) == 1 else None


def _holds_together(claim: Claim, meant: Sequence[ObjectFacts]) -> bool:
    """Return whether a share or an extent is that of all objects together."""
    if claim.kind == "extent":
        x1, y1, x2, y2 = zip(*(one.box for one in meant), strict=True)
        return extent_holds(claim, (min(x1), min(y1), max(x2), max(y2)))
    return claim.kind == "share" and share_holds(claim, sum(one.percent for one in meant))


def _meant(mention: Mention, picture: PictureFacts) -> Sequence[ObjectFacts] | None:
    """Return the objects that a phrase refers to; None if this is unknown for any object."""
    asked = None if picture.asked is None else picture.objects[picture.asked]
    if mention.label is None:
        return None if asked is None else (asked,)
    if asked and mention.determiner == "the" and not mention.given and mention.label == asked.label:
        return (asked,)
    fits = [(one, _fits(mention, one, picture)) for one in picture.of(mention.label)]
    return None if any(known is None for _, known in fits) else [one for one, known in fits if known]


def _fits(mention: Mention, one: ObjectFacts, picture: PictureFacts) -> Known:
    known = {_holds(claim, one, picture) for claim in mention.given}
    return False if False in known else None if None in known else True


def _holds(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    if claim.kind == "between":
        known = _between(claim, one, picture)
    elif related := _RELATED.get(claim.kind):
        known = _to_other(claim, picture, one, related)
    else:
        known = PROPERTIES[claim.kind](claim, one, picture)
    return _deny(known, claim)


def _count(claim: Claim, picture: PictureFacts) -> Known:
    """Compare the number of objects that fit or may fit with the bounds; by default at least one."""
    label = claim.about.label or ""
    fits = [_fits(claim.about, one, picture) for one in picture.of(label)]
    certain = fits.count(True)
    possible = len(fits) - fits.count(False) if label in picture.complete else math.inf
    bounds = {"least": 1} if not {"least", "most"} & set(claim.numbers) else claim.numbers
    least, most = bounds.get("least", 0), bounds.get("most", math.inf)
    if claim.denied and (least, most) == (1, 1) and certain > 1:
        return None  # "not one": none, or another number?
    if possible < least or certain > most:
        return False
    return True if certain >= least and possible <= most else None


def _part(claim: Claim, picture: PictureFacts) -> Known:
    """Compare how many objects fit with how many there are: "all", "most", "some", or a number of them."""
    whole = None if claim.other is None else _meant(claim.other, picture)
    if whole is None or claim.about.label not in picture.complete:
        return None
    fits = [_fits(claim.about, one, picture) for one in whole]
    if None in fits:
        return None
    found, total = fits.count(True), len(fits)
    if claim.value in ("all", "most"):
        return found == total if claim.value == "all" else 2 * found > total
    how, _, number = claim.value.rpartition(" ")
    least = 1 if claim.value == "some" else number_of(number)
    if found < least or (how in ("only", "just", "exactly") and found > least):
        return False
    return None if (found if claim.value == "some" else total) < 2 else True


def _listed(claim: Claim, picture: PictureFacts) -> Known:
    """Return whether each part of an enumeration can be another object: "two polyps, one small and one large"."""
    assert claim.other is not None
    objects = _meant(claim.about, picture)
    if objects is None:
        return None
    fits = [[_fits(part.about, one, picture) for one in objects] for part in claim.other.given]
    if can_match([[known is True for known in row] for row in fits]):
        return True
    possible = can_match([[known is not False for known in row] for row in fits])
    return None if possible or claim.about.label not in picture.complete else False


def _between(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    """Judge whether a centre lies between two others, if each phrase refers to one object."""
    others = [mention for mention in (claim.other, claim.second) if mention is not None]
    ends = [_meant(mention, picture) for mention in others]
    if any(found == [] and mention.label in picture.complete for found, mention in zip(ends, others, strict=True)):
        return False
    if any(found is None or len(found) != 1 for found in ends):
        return None
    (start,), (end,) = (found for found in ends if found is not None)
    return None if one in (start, end) or start is end else is_on_way(one.centre, start.centre, end.centre)


def _to_other(
    claim: Claim, picture: PictureFacts, one: ObjectFacts, holds: Callable[[Claim, ObjectFacts, ObjectFacts], Known]
) -> Known:
    """Judge a relation to any other object ("a"), or to the one (or all) that "the" refers to."""
    assert claim.other is not None
    meant = _meant(claim.other, picture)
    if meant is None:
        return None
    others = [other for other in meant if other is not one]
    known = {holds(claim, one, other) for other in others}
    complete = claim.other.label in picture.complete
    if len(others) != claim.numbers.get("others", len(others)):
        return None if claim.denied or not complete else False  # "both" of three
    if "singled" in claim.numbers and len(picture.of(claim.other.label or "")) < 2:
        return None  # "overlaps the polyp in the centre": of one polyp, the place of the overlap may be meant
    if claim.other.determiner == "each" and len(known) > 1:
        return False if False in known and not claim.denied else None
    if claim.other.determiner == "a" and True in known:
        return True
    if claim.other.determiner == "a" or not known:
        return False if complete and None not in known else None
    return known.pop() if len(known) == 1 else None


_WHOLE: Final[Mapping[str, Callable[[Claim, PictureFacts], Known]]] = {
    "presence": _count,
    "count": _count,
    "organ": lambda claim, picture: claim.value == picture.organ.casefold() if picture.organ else None,
    "alone": lambda _, picture: len(picture.objects) == 1,
    "part": _part,
    "listed": _listed,
}
_RELATED: Final[Mapping[str, Callable[[Claim, ObjectFacts, ObjectFacts], Known]]] = {
    "relation": lambda claim, one, other: lies(claim.value, one, other),
    "overlap": lambda _, one, other: overlaps(one, other),
    "comparison": lambda claim, one, other: is_so_large(claim, one.percent / other.percent),
    "brightness": is_so_bright,
    "touch": lambda _, one, other: touches(one, other),
}
