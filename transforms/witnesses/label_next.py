"""What to label next: the pictures on which models disagree most, spread over what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.regions.mask_sets import dice

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A picture without labels: how far models disagree about it, in [0, 1], and its perceptual hash."""

    name: str
    disagreement: float
    perceptual_hash: int


@dataclass(frozen=True, slots=True)
class Place:
    """A picture in the order of labelling; ``distance``: share of hash bits that differ from the nearest before it."""

    name: str
    disagreement: float
    distance: float


def disagreement(masks: Sequence[Mask], stabilities: Sequence[float]) -> float:
    """Return how far models disagree: 1 - mean Dice of all pairs of their masks.

    With one model, how unsteady it is: 1 - the least stability of its objects; 0 where it sees none.
    """
    if len(masks) < 2:
        return round(1 - min(stabilities, default=1.0), 4)
    pairs = [dice(one, other) for one, other in combinations(masks, 2)]
    return round(1 - float(np.mean(pairs)), 4)


def order_of_labelling(pictures: Sequence[Unlabelled], labelled: Sequence[int]) -> list[Place]:
    """Return the pictures in the order to label them: each time that of the largest disagreement x distance.

    The distance is to what is labelled already (``labelled``: perceptual hashes) and to what was placed before; equal
    ones are ordered by name. A picture that all models agree about comes after those that they do not.
    """
    left = sorted(pictures, key=lambda one: one.name)
    near: Mapping[str, float] = {one.name: _nearest(one.perceptual_hash, labelled) for one in left}
    order: list[Place] = []
    while left:
        best = max(left, key=lambda one: (one.disagreement * near[one.name], one.disagreement, near[one.name]))
        order.append(Place(best.name, best.disagreement, near[best.name]))
        left.remove(best)
        near = {one.name: min(near[one.name], _distance(one.perceptual_hash, best.perceptual_hash)) for one in left}
    return order


def _nearest(own: int, others: Sequence[int]) -> float:
    return min((_distance(own, other) for other in others), default=1.0)


def _distance(one: int, other: int) -> float:
    return round((one ^ other).bit_count() / 64, 4)
