"""Control the quality of proposals: clean a model's masks, and refuse unsuitable ones with a reason.

The rules follow the quality control of IMed-361M (drop regions below 0.05 % of the picture, opening and closing,
resolve nested and overlapping masks) and BiomedParse's test of whether a mask looks like its class.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Tone

LEAST_SHARE: Final = 0.0005
"""Least area as a share of the picture; smaller regions are dropped."""
INSIDE: Final = 0.9
"""Least share of a mask inside a better one to be nested in it."""
LEFT: Final = 0.5
"""Least share of a mask that must be left after better masks took their pixels."""
LEAST_EXAMPLES: Final = 20
"""Least number of real objects of a class to judge likeness."""
Refusal = Literal["too_small", "unstable", "nested", "overlapping", "unlike_its_class"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Appearance:
    """The appearance of an object: share of the picture, brightness, roughness, and those of its ring."""

    share: float
    luma: float
    roughness: float
    brighter: float
    rougher: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask proposed by a model; ``name`` breaks ties of quality."""

    name: str
    label: str
    mask: Mask
    score_bin: int
    stability: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A candidate after quality control: its cleaned mask, or the reason why it is refused."""

    candidate: Candidate
    mask: Mask
    refused: Refusal | None


def measure_appearance(area_px: int, size: tuple[int, int], tone: Tone | None) -> Appearance | None:
    """Return the appearance of an object; None if its tone is unknown. ``size``: width and height of its picture."""
    if tone is None:
        return None
    share = area_px / (size[0] * size[1])
    return Appearance(
        share, tone.luma, tone.roughness, tone.luma - tone.ring_luma, tone.roughness - tone.ring_roughness
    )


def clean_mask(mask: Mask) -> Mask:
    """Return the largest part of the mask after opening and closing with a disk of 0.4 % of the picture's longer side.

    Remaining holes are kept, because a reviewer should see a ring as it is.
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
    """Return all candidates of one picture after quality control, sorted by stability, probability and size.

    A pixel belongs to one mask. A mask inside a better one is nested; one that loses more than half of its pixels to
    better ones is overlapping; other masks only lose the shared pixels.
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
    """Return the mask without pixels of better ones, or the unchanged mask with the reason to refuse it."""
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


def likeness(looks: Appearance, examples: Sequence[Appearance]) -> float | None:
    """Return the p-value that a mask looks like its class, to three decimals; None with too few examples.

    For each feature, take twice the share of real objects at least as extreme on the same side, including the mask
    itself; the result is the smallest value times the number of features (Bonferroni), at most 1.
    """
    if len(examples) < LEAST_EXAMPLES:
        return None
    names = Appearance.__slots__
    tails = []
    for name in names:
        value, real = getattr(looks, name), np.array([getattr(one, name) for one in examples])
        below, above = int((real <= value).sum()) + 1, int((real >= value).sum()) + 1
        tails.append(2 * min(below, above) / (len(examples) + 1))
    return round(min(1.0, min(tails) * len(names)), 3)


def appearance_by_label(found: Iterable[tuple[str, Appearance | None]]) -> Mapping[str, list[Appearance]]:
    """Return the appearance of real objects by label; objects with unknown tone are left out."""
    by_label: dict[str, list[Appearance]] = {}
    for label, looks in found:
        if looks is not None:
            by_label.setdefault(label, []).append(looks)
    return by_label
