"""Claims judged against the measured facts of a picture: true, false, or not checkable.

A claim of several objects is true where it holds for all that it can mean, false where for none, else not checkable;
"a polyp" means any one of them. Absence and exact counts are certain only for labels that are annotated completely.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from medmultipoints.transforms.claims.facts import ObjectFacts, PictureFacts, Vocabulary
from medmultipoints.transforms.claims.grammar import parse_sentence, split_sentences
from medmultipoints.transforms.claims.records import Claim, JudgedSentence, Verdict
from medmultipoints.transforms.instructions.phrases import ROUND_ASPECT, SIDE_MARGIN, SIZE_MARGIN

PLACE_TOLERANCE: Final = 0.02
"""Of width or height: a centre so near to the line between two parts lies in both."""
NEAR: Final = 0.1
"""The part by which a number said with "about" may differ."""
ASPECT_TOLERANCE: Final = 0.05

Known = bool | None


def judge_text(text: str, picture: PictureFacts, vocabulary: Vocabulary) -> tuple[JudgedSentence, ...]:
    """Return each sentence of a text with its verdict; "it" means what the sentence before was about."""
    found, subject = [], None
    for sentence in split_sentences(text):
        parsed, subject = parse_sentence(sentence, vocabulary, subject)
        judged = tuple((claim, judge_claim(claim, picture)) for claim in parsed.claims)
        verdicts = [verdict for _, verdict in judged]
        if "false" in verdicts:
            wrong = next(claim for claim, verdict in judged if verdict == "false")
            found.append(JudgedSentence(sentence, "false", judged, f"{wrong.kind} is not as said"))
        elif parsed.unread or "uncheckable" in verdicts or not verdicts:
            reason = f"cannot be checked: {', '.join(parsed.unread)}" if parsed.unread else "cannot be checked"
            found.append(JudgedSentence(sentence, "uncheckable", judged, reason))
        else:
            found.append(JudgedSentence(sentence, "true", judged))
    return tuple(found)


def judge_claim(claim: Claim, picture: PictureFacts) -> Verdict:
    """Return the verdict on one claim."""
    known = _WHOLE[claim.kind](claim, picture) if claim.kind in _WHOLE else _of_objects(claim, picture)
    if known is None:
        return "uncheckable"
    return "true" if known != (claim.denied and claim.kind != "presence") else "false"


def _of_objects(claim: Claim, picture: PictureFacts) -> Known:
    if claim.determiner == "asked" and claim.label is None:
        meant: Sequence[ObjectFacts] = () if picture.asked is None else (picture.objects[picture.asked],)
    else:
        meant = picture.of(claim.label or "")
    if not meant:
        complete = claim.label in picture.complete
        return False if complete else None
    known = [_OBJECT[claim.kind](claim, one, picture) for one in meant]
    if claim.determiner == "a" and any(known):
        return True
    return known[0] if len(set(known)) == 1 else None


def _presence(claim: Claim, picture: PictureFacts) -> Known:
    count, complete = len(picture.of(claim.label or "")), claim.label in picture.complete
    if claim.denied:
        return False if count else True if complete else None
    return True if count else False if complete else None


def _count(claim: Claim, picture: PictureFacts) -> Known:
    count, complete = len(picture.of(claim.label or "")), claim.label in picture.complete
    most = claim.numbers.get("most")
    if most is not None and count > most:
        return False
    if count < claim.numbers["least"]:
        return False if complete else None
    return True if most is None or complete else None


def _organ(claim: Claim, picture: PictureFacts) -> Known:
    return claim.value == picture.organ.casefold() if picture.organ else None


def _place(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    parts = claim.value.split()
    if not parts:
        return None
    if parts == ["centre"]:
        parts = ["middle", "centre"]
    return all(_in_part(part, one.centre, halves=bool(claim.numbers.get("halves"))) for part in parts)


def _in_part(part: str, centre: tuple[float, float], *, halves: bool) -> bool:
    at = centre[0] if part in ("left", "right", "centre") else centre[1]
    low, high = {"left": (0, 1), "upper": (0, 1), "centre": (1, 2), "middle": (1, 2)}.get(part, (2, 3))
    least, most = (low / 3, high / 3) if not halves or (low, high) == (1, 2) else (0.0, 0.5) if low == 0 else (0.5, 1.0)
    return least - PLACE_TOLERANCE <= at <= most + PLACE_TOLERANCE


def _size(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    return one.size == claim.value


def _share(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    said = claim.numbers["percent"]
    rounding = 0.5 * 10 ** -claim.numbers["digits"] + 1e-9
    return abs(one.percent - said) <= max(rounding, NEAR * one.percent if claim.numbers["near"] else 0)


def _superlative(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    """The lead over the second must be as large as questions ask for, else it is unknown."""
    others = [other for other in picture.of(one.label) if other is not one]
    if not others:
        return True
    measure, factor = _SUPERLATIVES[claim.value]
    own, best = measure(one), max(map(measure, others))
    if factor:
        return True if own >= factor * best else False if best >= factor * own else None
    return True if own - best >= SIDE_MARGIN else False if best - own >= SIDE_MARGIN else None


def _border(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    if claim.value in ("none", "any"):
        return bool(one.touched) == (claim.value == "any")
    return set(claim.value.split()) <= one.touched


def _contrast(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    return None if one.contrast is None else one.contrast == claim.value


def _texture(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    return None if one.texture is None else one.texture == claim.value


def _aspect(claim: Claim, one: ObjectFacts, _picture: PictureFacts) -> Known:
    ratio = one.aspect if claim.value != "high" else 1 / one.aspect
    if claim.value == "even":
        return max(ratio, 1 / ratio) < ROUND_ASPECT
    times = claim.numbers.get("times")
    return ratio > 1 if times is None else abs(ratio - times) <= max(ASPECT_TOLERANCE + 1e-9, 0)


def _relation(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    others = [other for other in picture.of(claim.other or "") if other is not one]
    if not others:
        return False if claim.other in picture.complete else None
    known = {_lies(claim.value, one, other) for other in others}
    return known.pop() if len(known) == 1 else None


def _lies(how: str, one: ObjectFacts, other: ObjectFacts) -> bool:
    across, down = one.centre[0] - other.centre[0], one.centre[1] - other.centre[1]
    if how in ("above", "over"):
        return down < 0
    if how in ("below", "under", "beneath"):
        return down > 0
    horizontal = across < 0 if "left" in how else across > 0
    return horizontal and ("upper" not in how or down < 0) and ("lower" not in how or down > 0)


def _overlap(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    others = [other for other in picture.of(claim.other or "") if other is not one]
    known = {
        one.box[0] < other.box[2]
        and other.box[0] < one.box[2]
        and one.box[1] < other.box[3]
        and other.box[1] < one.box[3]
        for other in others
    }
    return True if True in known else False if claim.other in picture.complete else None


_WHOLE: Final[Mapping[str, Callable[[Claim, PictureFacts], Known]]] = {
    "presence": _presence,
    "count": _count,
    "organ": _organ,
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
}
_SUPERLATIVES: Final[Mapping[str, tuple[Callable[[ObjectFacts], float], float]]] = {
    "largest": (lambda one: one.percent, SIZE_MARGIN),
    "smallest": (lambda one: 1 / one.percent, SIZE_MARGIN),
    "leftmost": (lambda one: -one.centre[0], 0),
    "rightmost": (lambda one: one.centre[0], 0),
    "topmost": (lambda one: -one.centre[1], 0),
    "lowest": (lambda one: one.centre[1], 0),
}
