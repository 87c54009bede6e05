"""Dice and IoU of predicted masks; an answer without a mask of the picture scores 0."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice, iou
from medmultipoints.transforms.masks.outlines import fill_outlines
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value
from medmultipoints.transforms.scoring.bootstrap import intervals, known
from medmultipoints.transforms.scoring.detection import Floats

Mask = NDArray[np.bool_]
MOST_POINTS: Final = 100_000
_COUNTS: Final = ("masks", "unread", "dice", "iou", "iou_50")


@dataclass(frozen=True, slots=True)
class MaskScore:
    """The overlap of one answer with the true mask; ``group`` joins dependent items."""

    group: str
    dice: float
    iou: float
    unread: bool = False


def score_mask(group: str, truth: Mask, response: str) -> MaskScore:
    """Return the score of a response; 0 if it has no readable mask."""
    given = read_mask(response, *truth.shape)
    if given is None:
        return MaskScore(group, 0.0, 0.0, unread=True)
    return MaskScore(group, dice(truth, given), iou(truth, given))


def read_mask(response: str, height: int, width: int) -> Mask | None:
    """Return the mask of a response: its ``rle``, otherwise its ``polygon`` in pixels; None without either."""
    try:
        found = find_value(response)
    except NoAnswer:
        return None
    stated = found[0] if isinstance(found, list) and found else found
    if not isinstance(stated, dict):
        return None
    return _from_rle(stated.get("rle"), height, width) if "rle" in stated else _from_outline(stated, height, width)


def _from_rle(rle: Any, height: int, width: int) -> Mask | None:
    """Return the decoded mask if the RLE has exactly this size, otherwise None."""
    if not isinstance(rle, dict) or rle.get("size") != [height, width] or not isinstance(rle.get("counts"), str):
        return None
    try:
        return decode_rle(rle["counts"], height, width)
    except ValueError:
        return None


def _from_outline(stated: dict[str, Any], height: int, width: int) -> Mask | None:
    """Return the filled polygon, clipped to the picture; None if it is malformed."""
    points = stated.get("polygon")
    if not isinstance(points, list) or not 3 <= len(points) <= MOST_POINTS:
        return None
    try:
        outline = [(float(x), float(y)) for x, y in points]
    except (TypeError, ValueError):
        return None
    if not all(map(math.isfinite, (side for point in outline for side in point))):
        return None
    inside = [(min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in outline]
    return fill_outlines([inside], height, width)


def total_overlap(scores: Sequence[MaskScore]) -> dict[str, Any]:
    """Return the means over all masks, the share with an IoU of 0.5 or more, and 95 % intervals over the groups."""
    groups = sorted({one.group for one in scores})
    places = {group: place for place, group in enumerate(groups)}
    sums = np.zeros((len(groups), len(_COUNTS)))
    for one in scores:
        sums[places[one.group]] += [1, one.unread, one.dice, one.iou, one.iou >= 0.5]
    ends = {name: [known(round(end, 4)) for end in pair] for name, pair in intervals(groups, sums, _means).items()}
    means = {name: known(round(float(value), 4)) for name, value in _means(sums.sum(axis=0)).items()}
    return {"masks": len(scores), "unread": int(sums[:, 1].sum()), **means, "intervals": ends}


def _means(sums: Floats) -> dict[str, Floats]:
    with np.errstate(invalid="ignore"):
        return {name: np.asarray(sums[..., place] / sums[..., 0]) for place, name in enumerate(_COUNTS) if place > 1}
