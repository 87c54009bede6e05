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
from medmultipoints.transforms.claims.facts import CodedMask, ObjectFacts, PictureFacts, Vocabulary, masks_meet
from medmultipoints.transforms.claims.grammar import parse_sentence, split_sentences
from medmultipoints.transforms.claims.predicates import number_of
from medmultipoints.transforms.instructions.phrases import CONTRAST, ROUND_ASPECT, SIDE_MARGIN, SIZE_MARGIN

PLACE_TOLERANCE: Final = 0.02
"""Fraction of width or height: a centre this close to the line between two parts lies in both."""
NEAR: Final = 0.1
"""Relative tolerance of a number given with "about"."""

TOUCHING: Final = 0.01
"""Fraction of width or height: boxes this far apart do not touch."""

Known = bool | None


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
    nested = [inner.other for inner in claim.about.given]
    return [mention for mention in (claim.about, claim.other, claim.second, *nested) if mention is not None]


def _deny(known: Known, claim: Claim) -> Known:
    return known if known is None or not claim.denied else not known


def _of_objects(claim: Claim, picture: PictureFacts) -> Known:
    complete = claim.about.label in picture.complete
    meant = _meant(claim.about, picture)
    if not meant:
        return False if meant is not None and complete else None
    known = {_holds(claim, one, picture) for one in meant}
    if claim.about.determiner == "each":
        if claim.kind == "share" and _share_holds(claim, sum(one.percent for one in meant)):
            return None  # "the polyps cover 4 %": each of them, or together?
        if claim.denied and len(known) > 1:
            return None  # "they are not small": none of them, or not all?
        return False if False in known else True if known == {True} and complete else None
    return known.pop() if len(known) == 1 else None


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
    return _deny(_OBJECT[claim.kind](claim, one, picture), claim)


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


def _alone(_claim: Claim, picture: PictureFacts) -> Known:
    return len(picture.objects) == 1


def _organ(claim: Claim, picture: PictureFacts) -> Known:
    return claim.value == picture.organ.casefold() if picture.organ else None


def _place(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    parts = claim.value.split()
    if not parts:
        return _is_at(claim.numbers, one.centre)
    if parts == ["centre"]:
        parts = ["middle", "centre"]
    return all(_in_part(part, one.centre, halves=bool(claim.numbers.get("halves"))) for part in parts)


def _is_at(said: Mapping[str, float], centre: tuple[float, float]) -> Known:
    if "x" not in said:
        return None
    return all(_rounds_to(said[axis], 100 * at, said["digits"]) for axis, at in zip("xy", centre, strict=True))


def _rounds_to(said: float, true: float, digits: float) -> bool:
    return abs(said - true) <= 0.5 * 10**-digits + 1e-9


def _in_part(part: str, centre: tuple[float, float], *, halves: bool) -> bool:
    at = centre[0] if part in ("left", "right", "centre") else centre[1]
    low, high = {"left": (0, 1), "upper": (0, 1), "centre": (1, 2), "middle": (1, 2)}.get(part, (2, 3))
    least, most = (low / 3, high / 3) if not halves or (low, high) == (1, 2) else (0.0, 0.5) if low == 0 else (0.5, 1.0)
    return least - PLACE_TOLERANCE <= at <= most + PLACE_TOLERANCE


def _size(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    return one.size == claim.value


def _share(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    return _share_holds(claim, one.percent)


def _share_holds(claim: Claim, percent: float) -> bool:
    said = claim.numbers["percent"]
    if claim.value == "range":
        return claim.numbers["from"] <= percent <= said
    if claim.value:
        return percent <= said if claim.value == "less" else percent >= said
    near = claim.numbers["near"] and abs(percent - said) <= NEAR * percent
    return bool(near) or _rounds_to(said, percent, claim.numbers["digits"])


def _superlative(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    """Compare with the other objects of the label; unknown if the lead is below the margin that questions use."""
    of_all = "of_all" in claim.numbers
    others = [other for other in (picture.objects if of_all else picture.of(one.label)) if other is not one]
    complete = True if one.label in picture.complete and not of_all else None
    if not others:
        return complete
    measure, factor = _SUPERLATIVES[claim.value]
    own, best = measure(one), max(map(measure, others))
    if factor:
        return complete if own >= factor * best else False if best >= factor * own else None
    return complete if own - best >= SIDE_MARGIN else False if best - own >= SIDE_MARGIN else None


def _border(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    if claim.value in ("none", "any"):
        return bool(one.touched) == (claim.value == "any")
    return set(claim.value.split()) <= one.touched


def _contrast(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    if one.tone is not None and "own" in claim.numbers:
        return _measures(claim.numbers, one.tone.luma, one.tone.ring_luma)
    return None if one.contrast is None else one.contrast == claim.value


def _texture(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    if one.tone is not None and "own" in claim.numbers:
        return _measures(claim.numbers, one.tone.roughness, one.tone.ring_roughness)
    return None if one.texture is None else one.texture == claim.value


def _measures(said: Mapping[str, float], own: float, ring: float) -> bool:
    return _rounds_to(said["own"], own, said["digits"]) and _rounds_to(said["ring"], ring, said["digits"])


def _aspect(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    ratio = one.aspect if claim.value != "high" else 1 / one.aspect
    if claim.value == "even":
        return max(ratio, 1 / ratio) < ROUND_ASPECT
    times = claim.numbers.get("times")
    return ratio > 1 if times is None else _rounds_to(times, ratio, claim.numbers["digits"])


def _label(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    return one.label == claim.value


def _relation(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    return _to_other(claim, one, picture, lambda other: _lies(claim.value, one, other))


def _overlap(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    return _to_other(claim, one, picture, lambda other: _overlaps(one, other))


def _overlaps(one: ObjectFacts, other: ObjectFacts) -> Known:
    """Compare masks if both are known: overlapping, apart, or adjacent, which is unknown."""
    if not _share_pixels(one.box, other.box) or one.mask is None or other.mask is None:
        return _share_pixels(one.box, other.box)
    return True if masks_meet(one.mask, other.mask) else None if _within(one.mask, other.mask) else False


def _within(one: CodedMask, other: CodedMask) -> bool:
    return masks_meet(one, other, round(TOUCHING * max(one.height, one.width)))


def _comparison(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    return _to_other(claim, one, picture, lambda other: _is_so_large(claim, one.percent / other.percent))


def _is_so_large(claim: Claim, ratio: float) -> Known:
    """Compare the ratio of two areas with the claim; unknown within the margins that questions use."""
    if claim.value == "smaller":
        ratio = 1 / ratio
    if claim.value in ("larger", "smaller"):
        return True if ratio >= SIZE_MARGIN else False if ratio <= 1 / SIZE_MARGIN else None
    off = max(ratio / claim.numbers.get("times", 1.0), claim.numbers.get("times", 1.0) / ratio)
    return True if off <= 1 + NEAR else False if off >= SIZE_MARGIN else None


def _brightness(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    return _to_other(claim, one, picture, lambda other: _is_so_bright(claim, one, other))


def _is_so_bright(claim: Claim, one: ObjectFacts, other: ObjectFacts) -> Known:
    if one.tone is None or other.tone is None:
        return None
    lead = one.tone.luma - other.tone.luma
    return None if abs(lead) < CONTRAST else (lead > 0) == (claim.value == "brighter")


def _touch(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    return _to_other(claim, one, picture, lambda other: _touches(one, other))


def _touches(one: ObjectFacts, other: ObjectFacts) -> Known:
    """Compare masks if both are known; objects with separate boxes do not touch, with touching boxes it is unknown."""
    if not _share_pixels(_grown(one.box), other.box):
        return False
    if one.mask is None or other.mask is None:
        return None
    return True if masks_meet(one.mask, other.mask, 1) else None if _within(one.mask, other.mask) else False


def _grown(box: Sequence[float]) -> Sequence[float]:
    return box[0] - TOUCHING, box[1] - TOUCHING, box[2] + TOUCHING, box[3] + TOUCHING


def _between(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    """Judge whether a centre lies between two others, if each phrase refers to one object."""
    others = [mention for mention in (claim.other, claim.second) if mention is not None]
    ends = [_meant(mention, picture) for mention in others]
    if any(found == [] and mention.label in picture.complete for found, mention in zip(ends, others, strict=True)):
        return False
    if any(found is None or len(found) != 1 for found in ends):
        return None
    (start,), (end,) = (found for found in ends if found is not None)
    return None if one in (start, end) or start is end else _is_on_way(one.centre, start.centre, end.centre)


def _is_on_way(at: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> Known:
    way, off = (end[0] - start[0], end[1] - start[1]), (at[0] - start[0], at[1] - start[1])
    square = way[0] ** 2 + way[1] ** 2
    if square == 0:
        return None
    along, aside = (way[0] * off[0] + way[1] * off[1]) / square, abs(way[0] * off[1] - way[1] * off[0]) / square
    if along < 0 or along > 1 or aside > 1:
        return False
    return True if 0.2 <= along <= 0.8 and aside <= 0.2 else None


def _to_other(claim: Claim, one: ObjectFacts, picture: PictureFacts, holds: Callable[[ObjectFacts], Known]) -> Known:
    """Judge a relation to any other object ("a"), or to the one (or all) that "the" refers to."""
    assert claim.other is not None
    meant = _meant(claim.other, picture)
    if meant is None:
        return None
    known = {holds(other) for other in meant if other is not one}
    complete = claim.other.label in picture.complete
    if claim.other.determiner == "a" and True in known:
        return True
    if claim.other.determiner == "a" or not known:
        return False if complete and None not in known else None
    return known.pop() if len(known) == 1 else None


def _lies(how: str, one: ObjectFacts, other: ObjectFacts) -> Known:
    """Compare the centres along each axis of the relation; unknown if they are level."""
    across, down = one.centre[0] - other.centre[0], one.centre[1] - other.centre[1]
    words = {"above": ["upper"], "over": ["upper"], "below": ["lower"], "under": ["lower"], "beneath": ["lower"]}
    leads = {"left": -across, "right": across, "upper": -down, "lower": down}
    known = {_leads(leads[word]) for word in words.get(how, how.split())}
    return False if False in known else None if None in known else True


def _leads(lead: float) -> Known:
    return None if abs(lead) < PLACE_TOLERANCE else lead > 0


def _share_pixels(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


_WHOLE: Final[Mapping[str, Callable[[Claim, PictureFacts], Known]]] = {
    "presence": _count,
    "count": _count,
    "organ": _organ,
    "alone": _alone,
    "part": _part,
}
_OBJECT: Final[Mapping[str, Callable[[Claim, ObjectFacts, PictureFacts], Known]]] = {
    "place": _place,
    "size": _size,
    "share": _share,
    "superlative": _superlative,
    "border": _border,
    "relation": _relation,
    "overlap": _overlap,
    "contrast": _contrast,
    "texture": _texture,
    "aspect": _aspect,
    "comparison": _comparison,
    "brightness": _brightness,
    "touch": _touch,
    "between": _between,
    "label": _label,
}
_SUPERLATIVES: Final[Mapping[str, tuple[Callable[[ObjectFacts], float], float]]] = {
    "largest": (lambda one: one.percent, SIZE_MARGIN),
    "smallest": (lambda one: 1 / one.percent, SIZE_MARGIN),
    "leftmost": (lambda one: -one.centre[0], 0),
    "rightmost": (lambda one: one.centre[0], 0),
    "topmost": (lambda one: -one.centre[1], 0),
    "lowest": (lambda one: one.centre[1], 0),
}
