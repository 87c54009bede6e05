"""Relations of two objects of a picture: place, overlap, touch, size and brightness; None means unknown."""

from collections.abc import Sequence
from typing import Final

from medmultipoints.transforms.claims.claim_types import Claim
from medmultipoints.transforms.claims.facts import CodedMask, ObjectFacts, masks_meet
from medmultipoints.transforms.instructions.phrases import CONTRAST, SIZE_MARGIN

PLACE_TOLERANCE: Final = 0.02
"""Fraction of width or height: a centre this close to the line between two parts lies in both."""
NEAR: Final = 0.1
"""Relative tolerance of a number given with "about"."""
TOUCHING: Final = 0.01
"""Fraction of width or height: boxes this far apart do not touch."""

Known = bool | None


def overlaps(one: ObjectFacts, other: ObjectFacts) -> Known:
    """Compare masks if both are known: overlapping, apart, or adjacent, which is unknown."""
    if not _share_pixels(one.box, other.box) or one.mask is None or other.mask is None:
        return _share_pixels(one.box, other.box)
    return True if masks_meet(one.mask, other.mask) else None if _within(one.mask, other.mask) else False


def _within(one: CodedMask, other: CodedMask) -> bool:
    return masks_meet(one, other, round(TOUCHING * max(one.height, one.width)))


def is_so_large(claim: Claim, ratio: float) -> Known:
    """Compare the ratio of two areas with the claim; unknown within the margins that questions use."""
    if claim.value == "smaller":
        ratio = 1 / ratio
    if claim.value in ("larger", "smaller"):
        return True if ratio >= SIZE_MARGIN else False if ratio <= 1 / SIZE_MARGIN else None
    off = max(ratio / claim.numbers.get("times", 1.0), claim.numbers.get("times", 1.0) / ratio)
    return True if off <= 1 + NEAR else False if off >= SIZE_MARGIN else None


def is_so_bright(claim: Claim, one: ObjectFacts, other: ObjectFacts) -> Known:
    """Compare the mean luma of two objects with the claim; unknown within the margin that questions use."""
    if one.tone is None or other.tone is None:
        return None
    lead = one.tone.luma - other.tone.luma
    return None if abs(lead) < CONTRAST else (lead > 0) == (claim.value == "brighter")


def touches(one: ObjectFacts, other: ObjectFacts) -> Known:
    """Compare masks if both are known; objects with separate boxes do not touch, with touching boxes it is unknown."""
    x1, y1, x2, y2 = one.box
    if not _share_pixels((x1 - TOUCHING, y1 - TOUCHING, x2 + TOUCHING, y2 + TOUCHING), other.box):
        return False
    if one.mask is None or other.mask is None:
        return None
    return True if masks_meet(one.mask, other.mask, 1) else None if _within(one.mask, other.mask) else False


def is_on_way(at: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> Known:
    """Return whether a point lies on the way from one point to another; unknown near its ends and far from the line."""
    way, off = (end[0] - start[0], end[1] - start[1]), (at[0] - start[0], at[1] - start[1])
    square = way[0] ** 2 + way[1] ** 2
    if square == 0:
        return None
    along, aside = (way[0] * off[0] + way[1] * off[1]) / square, abs(way[0] * off[1] - way[1] * off[0]) / square
    if along < 0 or along > 1 or aside > 1:
        return False
    return True if 0.2 <= along <= 0.8 and aside <= 0.2 else None


def lies(how: str, one: ObjectFacts, other: ObjectFacts) -> Known:
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
