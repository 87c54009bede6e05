"""Compare a source's boxes of one image and label with the boxes of its mask components.

The source's box convention (see ``conventions``) is undone first. Only boxes near each other are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from medmultipoints.transforms.audit.conventions import (
    MOST_PX,
    Convention,
    far_distances,
    near_distances,
    state_box,
    undo_convention,
)
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou, join_boxes, lies_in
from medmultipoints.transforms.regions.matching import Score, match_boxes
from medmultipoints.transforms.regions.overlaps import find_overlaps

Kind = Literal[
    "inflated_to_origin", "phantom", "missing", "extra", "merged", "split", "shifted", "sliver", "covers_frame",
    "stray_pixel", "speck", "inflated_by_one_pixel",
]  # fmt: skip
Severity = Literal["error", "warning", "info"]

AGREES_PX = 1.0
SLIVER_PX = 3.0
COVERS = 0.98
"""Share of the frame above which a box covers it."""
HOLDS = 0.8
"""Share of another box's area that a box must contain to hold it."""
SAME_OBJECT = 0.1
"""Least intersection over union at which disagreeing boxes are still of one object."""
COPY = 0.5
"""Least intersection over union at which a second box on a component is a second annotation, not a hole or notch."""
CORNER = 0.02
"""Tolerance of a far corner as a share of the frame; at least AGREES_PX."""

SEVERITIES: dict[Kind, Severity] = {
    "inflated_to_origin": "error",
    "phantom": "error",
    "missing": "error",
    "extra": "error",
    "merged": "error",
    "split": "error",
    "shifted": "warning",
    "sliver": "warning",
    "covers_frame": "warning",
    "stray_pixel": "info",
    "speck": "info",
    "inflated_by_one_pixel": "info",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement. ``source_box`` has its convention undone; ``side_px`` is the largest distance of sides.

    For a phantom, ``derived_box`` is the component around it.
    """

    kind: Kind
    severity: Severity
    source_box: Box | None = None
    derived_box: Box | None = None
    iou: float | None = None
    side_px: float | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """The frame of the boxes, in pixels, and the convention of the source's boxes."""

    width: int
    height: int
    convention: Convention

    @property
    def margin(self) -> float:
        """Largest distance in pixels between a source box and its object, from the corner and convention tolerances."""
        return max(CORNER * self.width, CORNER * self.height, AGREES_PX) + MOST_PX + 1

    def undo(self, stated: Box) -> Box:
        return undo_convention(stated, self.convention)


def compare_boxes(stated: Sequence[Box], derived: Sequence[Box], setting: Setting) -> Iterator[Finding]:
    """Yield the findings of one image and label, in the order of the rules; nothing if all boxes agree.

    ``stated`` are the source's numbers, ``derived`` half-open, both in pixels of the setting's frame.
    Each box is explained once: (1) pairs within one pixel per side agree; of the rest, (2) a source box
    around several components is merged, (3) a component around several source boxes is split, (4) the best
    pairs by IoU are inflated, cover the frame or are shifted; (5) a source box inside an explained component
    is a phantom (a hole or notch taken for an object), any other is extra, a component without box is missing.
    """
    agreeing, rest, parts = _pair_off(stated, derived, partial(_agreement, setting=setting), 1e-9, setting)
    merged, rest, parts = _gather(rest, parts)
    divided, parts, rest = _gather(parts, rest)
    doubtful, rest, parts = _pair_off(rest, parts, partial(_likeness, setting=setting), SAME_OBJECT, setting)
    for box, part in agreeing:
        yield from _judge_agreement(box, part, setting)
    yield from (_judge_merged(box, join_boxes(inside), setting) for box, inside in merged)
    yield from (_make_finding("split", join_boxes(inside), part, setting) for part, inside in divided)
    yield from (_make_finding(_name_disagreement(box, part, setting), box, part, setting) for box, part in doubtful)
    explained = [part for _, part in (*agreeing, *doubtful)] + [part for part, _ in divided]
    explained += [part for _, inside in merged for part in inside]
    left_over = [setting.undo(box) for box in rest]
    for box, near in zip(left_over, find_overlaps(left_over, explained), strict=True):
        yield _judge_unmatched(box, [explained[place] for place in near])
    yield from (Finding("missing", SEVERITIES["missing"], derived_box=part) for part in parts)


def check_alone(stated: Sequence[Box], setting: Setting) -> Iterator[Finding]:
    """Yield the findings that need no mask: source boxes that cover the frame or are narrower than SLIVER_PX."""
    for box in map(setting.undo, stated):
        if _covers(box, setting):
            yield Finding("covers_frame", SEVERITIES["covers_frame"], box)
        elif min(box.width, box.height) < SLIVER_PX:
            yield Finding("sliver", SEVERITIES["sliver"], box)


def largest_side_distance(stated: Box, derived: Box, convention: Convention) -> float:
    """Return the largest distance of corresponding sides in pixels; an edge cut at 0 favours the source."""
    return max(*near_distances(stated, derived, convention), *far_distances(stated, derived, convention))


def _agreement(stated: Box, derived: Box, setting: Setting) -> float:
    near = largest_side_distance(stated, derived, setting.convention) <= AGREES_PX
    return iou(setting.undo(stated), derived) if near else 0.0


def _likeness(stated: Box, derived: Box, setting: Setting) -> float:
    """Return the IoU, or a score of at least 1 if the kind of error identifies the object at any box size."""
    overlap = iou(setting.undo(stated), derived)
    if _is_inflated(stated, derived, setting) and _far_corner_agrees(stated, derived, setting):
        return 2 + overlap
    return 1 + overlap if _covers(stated, setting) and overlap else overlap


def _starts_at_origin(stated: Box, setting: Setting) -> bool:
    box = setting.undo(stated)
    return box.x1 == box.y1 == 0


def _is_inflated(stated: Box, derived: Box, setting: Setting) -> bool:
    far_off = max(near_distances(stated, derived, setting.convention)) > AGREES_PX
    return far_off and _starts_at_origin(stated, setting)


def _far_corner_agrees(stated: Box, derived: Box, setting: Setting) -> bool:
    far_x, far_y = far_distances(stated, derived, setting.convention)
    return far_x <= max(CORNER * setting.width, AGREES_PX) and far_y <= max(CORNER * setting.height, AGREES_PX)


def _covers(box: Box, setting: Setting) -> bool:
    return box.area > COVERS * setting.width * setting.height


def _judge_agreement(stated: Box, derived: Box, setting: Setting) -> Iterator[Finding]:
    off_origin = max(derived.x1, derived.y1) > 0
    if off_origin and _starts_at_origin(stated, setting) and stated != state_box(derived, setting.convention):
        yield _make_finding("inflated_by_one_pixel", stated, derived, setting)
    elif min(derived.width, derived.height) < SLIVER_PX:
        yield _make_finding("sliver", stated, derived, setting)
    elif _covers(derived, setting):  # worth a look, but the mask confirms it
        yield _make_finding("covers_frame", stated, derived, setting, "info")


def _judge_merged(stated: Box, derived: Box, setting: Setting) -> Finding:
    """Return an inflated rather than merged finding if a stray pixel at the origin stretched the box."""
    far = max(far_distances(stated, derived, setting.convention))
    inflated = _is_inflated(stated, derived, setting) and far <= AGREES_PX
    return _make_finding("inflated_to_origin" if inflated else "merged", stated, derived, setting)


def _name_disagreement(stated: Box, derived: Box, setting: Setting) -> Kind:
    covers = _covers(stated, setting)
    if _is_inflated(stated, derived, setting) and (not covers or _far_corner_agrees(stated, derived, setting)):
        return "inflated_to_origin"
    return "covers_frame" if covers else "shifted"


def _judge_unmatched(box: Box, explained: Sequence[Box]) -> Finding:
    around = [part for part in explained if lies_in(box, part, HOLDS) and iou(part, box) < COPY]
    if not around:
        return Finding("extra", SEVERITIES["extra"], box)
    part = min(around, key=lambda part: (part.area, part.y1, part.x1))
    return Finding("phantom", SEVERITIES["phantom"], box, part, iou(part, box))


def _make_finding(kind: Kind, stated: Box, derived: Box, setting: Setting, severity: Severity | None = None) -> Finding:
    box, side = setting.undo(stated), largest_side_distance(stated, derived, setting.convention)
    return Finding(kind, severity or SEVERITIES[kind], box, derived, iou(box, derived), side)


def _pair_off(
    stated: Sequence[Box], derived: Sequence[Box], score: Score, at_least: float, setting: Setting
) -> tuple[list[tuple[Box, Box]], list[Box], list[Box]]:
    """Return the matched pairs, and the boxes left over on each side."""
    pairs = match_boxes(stated, derived, score=score, at_least=at_least, margin=setting.margin)
    left, right = {i for i, _ in pairs}, {j for _, j in pairs}
    return (
        [(stated[i], derived[j]) for i, j in pairs],
        [box for i, box in enumerate(stated) if i not in left],
        [box for j, box in enumerate(derived) if j not in right],
    )


def _gather(outer: Sequence[Box], inner: Sequence[Box]) -> tuple[list[tuple[Box, list[Box]]], list[Box], list[Box]]:
    """Return the outer boxes that hold several inner boxes, and the outer and inner boxes left over.

    The inner boxes of one outer box do not contain each other, and none fits another outer box better.
    """
    held: dict[int, list[int]] = {}
    for j, near in enumerate(find_overlaps(inner, outer)):
        nearest = max(near, key=lambda i: (iou(outer[i], inner[j]), -i), default=None)
        if nearest is not None and lies_in(inner[j], outer[nearest], HOLDS):
            held.setdefault(nearest, []).append(j)
    apart = {i: _outermost(found, inner) for i, found in held.items()}
    several = {i: found for i, found in sorted(apart.items()) if len(found) > 1}
    taken = {j for found in several.values() for j in found}
    return (
        [(outer[i], [inner[j] for j in found]) for i, found in several.items()],
        [box for i, box in enumerate(outer) if i not in several],
        [box for j, box in enumerate(inner) if j not in taken],
    )


def _outermost(places: Sequence[int], boxes: Sequence[Box]) -> list[int]:
    """Return the indices of the boxes that no other of them holds."""
    own = [boxes[place] for place in places]
    near = find_overlaps(own, own)
    return [
        place
        for at, place in enumerate(places)
        if not any(lies_in(own[at], own[other], HOLDS) for other in near[at] if other != at)
    ]
