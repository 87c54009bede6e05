"""Compare claims with the properties of one object: place, size, borders, extent, shape and tone; None is unknown."""

from collections.abc import Callable, Mapping
from typing import Final

from medmultipoints.transforms.claims.claim_types import Claim
from medmultipoints.transforms.claims.facts import ObjectFacts, PictureFacts
from medmultipoints.transforms.claims.object_pairs import NEAR, PLACE_TOLERANCE, Known
from medmultipoints.transforms.instructions.phrases import ROUND_ASPECT, SIDE_MARGIN, SIZE_MARGIN


def _place(claim: Claim, one: ObjectFacts) -> Known:
    parts = claim.value.split()
    if not parts:
        return _is_at(claim.numbers, one.centre)
    if parts == ["centre"]:
        parts = ["middle", "centre"]
    return all(_in_part(part, one.centre, halves=bool(claim.numbers.get("halves"))) for part in parts)


def _is_at(stated: Mapping[str, float], centre: tuple[float, float]) -> Known:
    if "x" not in stated:
        return None
    return all(_rounds_to(stated[axis], 100 * at, stated["digits"]) for axis, at in zip("xy", centre, strict=True))


def _in_part(part: str, centre: tuple[float, float], *, halves: bool) -> bool:
    at = centre[0] if part in ("left", "right", "centre") else centre[1]
    low, high = {"left": (0, 1), "upper": (0, 1), "centre": (1, 2), "middle": (1, 2)}.get(part, (2, 3))
    least, most = (low / 3, high / 3) if not halves or (low, high) == (1, 2) else (0.0, 0.5) if low == 0 else (0.5, 1.0)
    return least - PLACE_TOLERANCE <= at <= most + PLACE_TOLERANCE


def share_holds(claim: Claim, percent: float) -> bool:
    """Compare the share of the picture's area, in percent."""
    stated = claim.numbers["percent"]
    if claim.value == "range":
        return claim.numbers["from"] <= percent <= stated
    if claim.value:
        return percent <= stated if claim.value == "less" else percent >= stated
    near = claim.numbers["near"] and abs(percent - stated) <= NEAR * percent
    return bool(near) or _rounds_to(stated, percent, claim.numbers["digits"])


def _superlative(claim: Claim, one: ObjectFacts, picture: PictureFacts) -> Known:
    """Compare with the other objects of the label; unknown if the lead is below the margin that questions use."""
    of_all = "of_all" in claim.numbers
    others = [other for other in (picture.objects if of_all else picture.of(one.label)) if other is not one]
    complete = True if one.label in picture.complete and not of_all else None
    if "of_two" in claim.numbers and len(others) != 1:
        return None
    if not others:
        return None  # nothing to compare with
    measure, factor = _SUPERLATIVES[claim.value]
    own, best = measure(one), max(map(measure, others))
    if factor:
        return complete if own >= factor * best else False if best >= factor * own else None
    return complete if own - best >= SIDE_MARGIN else False if best - own >= SIDE_MARGIN else None


def _border(claim: Claim, one: ObjectFacts) -> Known:
    if claim.value in ("none", "any"):
        return bool(one.touched) == (claim.value == "any")
    stated = set(claim.value.split())
    if claim.denied and ("only" in claim.numbers or stated & one.touched not in (set(), stated)):
        return None  # "not the left and upper borders": not both, or neither?
    return stated == one.touched if "only" in claim.numbers else stated <= one.touched


def extent_holds(claim: Claim, box: tuple[float, float, float, float]) -> bool:
    """Compare where a box begins and ends, in percent of the picture's side."""
    x1, y1, x2, y2 = box
    edges = (x1, x2) if claim.value == "width" else (y1, y2)
    stated = (claim.numbers["from"], claim.numbers["to"])
    return all(
        _rounds_to(number, 100 * edge, claim.numbers["digits"]) for number, edge in zip(stated, edges, strict=True)
    )


def _fill(claim: Claim, one: ObjectFacts) -> Known:
    """Compare the share of its box that a mask covers."""
    if one.mask is None:
        return None
    x1, y1, x2, y2 = one.box
    return _rounds_to(claim.numbers["percent"], one.percent / ((x2 - x1) * (y2 - y1)), claim.numbers["digits"])


def _contrast(claim: Claim, one: ObjectFacts) -> Known:
    if one.tone is not None and "own" in claim.numbers:
        return _measures(claim.numbers, one.tone.luma, one.tone.ring_luma)
    return None if one.contrast is None else one.contrast == claim.value


def _texture(claim: Claim, one: ObjectFacts) -> Known:
    if one.tone is not None and "own" in claim.numbers:
        return _measures(claim.numbers, one.tone.roughness, one.tone.ring_roughness)
    return None if one.texture is None else one.texture == claim.value


def _measures(stated: Mapping[str, float], own: float, ring: float) -> bool:
    return _rounds_to(stated["own"], own, stated["digits"]) and _rounds_to(stated["ring"], ring, stated["digits"])


def _aspect(claim: Claim, one: ObjectFacts) -> Known:
    ratio = one.aspect if claim.value != "high" else 1 / one.aspect
    if claim.value == "even":
        return max(ratio, 1 / ratio) < ROUND_ASPECT
    times = claim.numbers.get("times")
    if times and "near" in claim.numbers:
        return abs(ratio - times) <= NEAR * ratio
    return ratio > 1 if times is None else _rounds_to(times, ratio, claim.numbers["digits"])


def _rounds_to(stated: float, true: float, digits: float) -> bool:
    return abs(stated - true) <= 0.5 * 10**-digits + 1e-9


_SUPERLATIVES: Final[Mapping[str, tuple[Callable[[ObjectFacts], float], float]]] = {
    "largest": (lambda one: one.percent, SIZE_MARGIN),
    "smallest": (lambda one: 1 / one.percent, SIZE_MARGIN),
    "leftmost": (lambda one: -one.centre[0], 0),
    "rightmost": (lambda one: one.centre[0], 0),
    "topmost": (lambda one: -one.centre[1], 0),
    "lowest": (lambda one: one.centre[1], 0),
}
PROPERTIES: Final[Mapping[str, Callable[[Claim, ObjectFacts, PictureFacts], Known]]] = {
    "place": lambda claim, one, _: _place(claim, one),
    "size": lambda claim, one, _: one.size == claim.value,
    "share": lambda claim, one, _: share_holds(claim, one.percent),
    "superlative": _superlative,
    "border": lambda claim, one, _: _border(claim, one),
    "extent": lambda claim, one, _: extent_holds(claim, one.box),
    "fill": lambda claim, one, _: _fill(claim, one),
    "contrast": lambda claim, one, _: _contrast(claim, one),
    "texture": lambda claim, one, _: _texture(claim, one),
    "aspect": lambda claim, one, _: _aspect(claim, one),
    "label": lambda claim, one, _: one.label == claim.value,
}
