"""Describe in sentences what a finding means, and the difference between its boxes."""

from collections.abc import Mapping, Sequence

from medmultipoints.transforms.audit.text_findings import SHOWN
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.reporting.drawing import number
from medmultipoints.transforms.reporting.explained import meaning_of_kind

NEAR_PX = 1.5
SMALL = 0.1
"""Share of the outer box's area below which a box inside it is called a part of it."""
PRIVACY = {kind: key for key, kind in SHOWN.items()} | {"carries_gps": "gps"}
"""Key of the recipe's section `privacy` for each kind of finding."""
DONE = {
    "report": 'nothing was done. "redact" fills such places in all pictures, "quarantine" holds the pictures back',
    "redact": "such places were filled, but for those that touch an object",
    "quarantine": "such pictures are held back",
    "refuse": "such a picture ends a build",
}
SIDES = ("left", "top", "right", "bottom")


def describe_kind(kind: str) -> list[str]:
    """Return a sentence with the meaning of a kind of finding; empty for kinds that the audit does not give."""
    meaning = meaning_of_kind(kind).replace("`", "")
    return [f"{meaning[0].upper()}{meaning[1:]}."] if meaning else []


def describe_privacy(kind: str, privacy: Mapping[str, str]) -> list[str]:
    """Return a sentence with the recipe's privacy action for this kind of finding; empty for other kinds."""
    key = PRIVACY.get(kind)
    if key is None:
        return []
    action = privacy.get(key, "report")
    return [f'[privacy] {key} = "{action}" in the recipe: {DONE.get(action, action)}.']


def describe_difference(source: Sequence[float] | None, derived: Sequence[float] | None) -> list[str]:
    """Return sentences that compare a source's box with the derived box, in pixels of the original."""
    if source is None and derived is None:
        return []
    if source is None or derived is None:
        there, missing = ("derived", "source") if source is None else ("source", "derived")
        box = Box(*(derived if source is None else source) or ())
        return [f"There is a {there} box of {number(box.width)} x {number(box.height)} px and no {missing} box."]
    one, other = Box(*source), Box(*derived)
    overlap = iou(one, other)
    sizes = f"{number(one.width)} x {number(one.height)} px against {number(other.width)} x {number(other.height)} px"
    lines = [f"Source against derived: {sizes}, IoU {overlap:.2f}."]
    if overlap == 0:
        return [*lines, "The boxes do not overlap."]
    shifts = [stated - shown for stated, shown in zip(source, derived, strict=True)]
    outward = [(side, -shift if side in ("left", "top") else shift) for side, shift in zip(SIDES, shifts, strict=True)]
    ratio = one.area / other.area
    sides = [
        f"{side} {number(abs(by))} px {'outside' if by > 0 else 'inside'}" for side, by in outward if abs(by) > NEAR_PX
    ]
    if all(by < 0 for _, by in outward) and ratio < SMALL:
        lines.append("The source's box is a small part of the derived box.")
    elif sides:
        lines.append(f"The source's box lies {', '.join(sides)}.")
    if not 0.8 <= ratio <= 1.25:
        part = f"{ratio:.2g} times that" if ratio > 0.01 else "less than a hundredth of that"
        lines.append(f"Its area is {part} of the derived box.")
    return lines if sides else [*lines, "All sides agree within 1.5 px."]
