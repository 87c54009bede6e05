"""What to label next: the pictures on which models disagree most, spread over what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice

Mask = NDArray[np.bool_]
MOST_SPREAD: Final = 2_000
"""So many places are spread one by one: more than anybody labels before models are trained again."""
HASH_BITS: Final = 64
_DISTANCES: Final = np.array([round(bits / HASH_BITS, 4) for bits in range(HASH_BITS + 1)])


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
    ones are ordered by name. A picture that all models agree about comes after those that they do not. After the first
    ``MOST_SPREAD`` places the others follow by the same product, their distance to all of those before them: the time
    grows with the number of pictures, not with its square.
    """
    ordered = sorted(pictures, key=lambda one: one.name)
    hashes = np.array([one.perceptual_hash for one in ordered], np.uint64)
    disagreements = np.array([one.disagreement for one in ordered], np.float64)
    bits = np.full(len(ordered), HASH_BITS, np.uint8)
    for other in labelled:
        _come_nearer(bits, hashes, other)
    order: list[Place] = []
    left = np.arange(len(ordered))
    for _ in range(min(MOST_SPREAD, len(ordered))):
        row = int(left[_ranked(disagreements[left], bits[left])[0]])
        order.append(_place(ordered[row], int(bits[row])))
        left = left[left != row]
        _come_nearer(bits, hashes, ordered[row].perceptual_hash)
    last = left[_ranked(disagreements[left], bits[left], best_alone=False)].tolist()
    return [*order, *(_place(ordered[row], int(bits[row])) for row in last)]


def _come_nearer(bits: NDArray[np.uint8], hashes: NDArray[np.uint64], other: int) -> None:
    """Take another hash into the least number of differing bits of each picture, in place."""
    np.minimum(bits, np.bitwise_count(hashes ^ np.uint64(other)), out=bits)


def _ranked(
    disagreements: NDArray[np.float64], bits: NDArray[np.uint8], *, best_alone: bool = True
) -> NDArray[np.int64]:
    """Return the places by product, disagreement and distance, largest first, then in their order.

    ``best_alone``: only those of the largest product, which saves sorting the others.
    """
    distances = _DISTANCES[bits]
    products = disagreements * distances
    rows = np.flatnonzero(products == products.max()) if best_alone else np.arange(len(products))
    return rows[np.lexsort((-distances[rows], -disagreements[rows], -products[rows]))]


def _place(picture: Unlabelled, bits: int) -> Place:
    return Place(picture.name, picture.disagreement, float(_DISTANCES[bits]))
