"""Quality control of proposals: which of a model's masks may be shown to a reviewer, cleaned, and why others may not.

The rules follow what IMed-361M says of its own control (regions below 0.05 % of the picture dropped, opening and
closing, nested and overlapping masks settled) and BiomedParse's test whether a mask looks like its class.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Tone

LEAST_SHARE: Final = 0.0005
"""Of the picture's area: smaller regions are dropped."""
INSIDE: Final = 0.9
"""A mask of which so much lies in a better one is nested in it."""
LEFT: Final = 0.5
"""A mask keeps its place where at least so much of it is left after better ones took their pixels."""
LEAST_EXAMPLES: Final = 20
"""With fewer real objects of a class nothing is said about how it looks."""
Refusal = Literal["too_small", "unstable", "nested", "overlapping", "unlike_its_class"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Looks:
    """What an object looks like, wherever it lies: share of the picture, brightness, roughness, and its ring."""

    share: float
    luma: float
    roughness: float
    brighter: float
    rougher: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask that a model proposes; ``name`` orders those of equal quality."""

    name: str
    label: str
    mask: Mask
    score_bin: int
    stability: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A candidate after the control: its cleaned mask, or why it is refused."""

    candidate: Candidate
    mask: Mask
    refused: Refusal | None


def looks_of(area_px: int, size: tuple[int, int], tone: Tone | None) -> Looks | None:
    """Return the looks of an object; None where its tone is unknown. ``size``: width and height of its picture."""
    if tone is None:
        return None
    share = area_px / (size[0] * size[1])
    return Looks(share, tone.luma, tone.roughness, tone.luma - tone.ring_luma, tone.roughness - tone.ring_roughness)


def clean_mask(mask: Mask) -> Mask:
    """Return the largest part of the mask after opening and closing with a disk of 0.4 % of the picture's longer side.

    Holes that the closing leaves are kept: a ring is a shape that a reviewer should see as it is.
    """
    radius = max(1, round(0.004 * max(mask.shape)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disk)
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disk)
    count, parts, facts, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count < 2:
        return np.zeros(mask.shape, np.bool_)
    return np.asarray(parts == 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA])), np.bool_)


def settle(candidates: Iterable[Candidate], least_stability: float) -> list[Settled]:
    """Return every candidate of one picture, settled, in the order of quality: steadier, surer, larger ones first.

    A pixel belongs to one mask. A mask that lies in a better one is nested; one that better ones take more than half
    of is overlapping; of others the better masks take their pixels.
    """
    cleaned = [(one, clean_mask(one.mask)) for one in candidates]
    cleaned.sort(key=lambda pair: (-pair[0].stability, -pair[0].score_bin, -int(pair[1].sum()), pair[0].name))
    settled: list[Settled] = []
    taken: Mask | None = None
    for one, mask in cleaned:
        own, refused = _settle_one(
            one, mask, taken, [kept.mask for kept in settled if not kept.refused], least_stability
        )
        settled.append(Settled(one, own, refused))
        if refused is None:
            taken = own if taken is None else taken | own
    return settled


def _settle_one(
    one: Candidate, mask: Mask, taken: Mask | None, better: Sequence[Mask], least_stability: float
) -> tuple[Mask, Refusal | None]:
    area = int(mask.sum())
    if area < LEAST_SHARE * mask.size:
        return mask, "too_small"
    if one.stability < least_stability:
        return mask, "unstable"
    if any((mask & other).sum() >= INSIDE * min(area, other.sum()) for other in better):
        return mask, "nested"
    if taken is None or not (mask & taken).any():
        return mask, None
    rest = clean_mask(mask & ~taken)
    kept = rest.sum() >= max(LEFT * area, LEAST_SHARE * mask.size)
    return (rest, None) if kept else (mask, "overlapping")


def likeness(looks: Looks, examples: Sequence[Looks]) -> float | None:
    """Return the probability that a mask looks like its class, to three decimals; None with too few examples.

    Of each feature, twice the share of real objects that are as far out on the same side, the mask itself counted;
    the smallest over the features, times their number (Bonferroni), at most 1.
    """
    if len(examples) < LEAST_EXAMPLES:
        return None
    names = Looks.__slots__
    tails = []
    for name in names:
        value, real = getattr(looks, name), np.array([getattr(one, name) for one in examples])
        below, above = int((real <= value).sum()) + 1, int((real >= value).sum()) + 1
        tails.append(2 * min(below, above) / (len(examples) + 1))
    return round(min(1.0, min(tails) * len(names)), 3)


def looks_by_label(found: Iterable[tuple[str, Looks | None]]) -> Mapping[str, list[Looks]]:
    """Return the looks of real objects by label; those of unknown tone are left out."""
    by_label: dict[str, list[Looks]] = {}
    for label, looks in found:
        if looks is not None:
            by_label.setdefault(label, []).append(looks)
    return by_label
