"""Rank the pictures to label next: large disagreement of models, and variety of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice

Mask = NDArray[np.bool_]
MOST_SPREAD: Final = 2_000
"""Number of places ranked one by one: more than are labelled before models are retrained."""
HASH_BITS: Final = 64
_DISTANCES: Final = np.array([round(bits / HASH_BITS, 4) for bits in range(HASH_BITS + 1)])


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A picture to label with ``labels``: the disagreement of models about it, in [0, 1], and its perceptual hash."""

    name: str
    disagreement: float
    perceptual_hash: int
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A ranked picture; ``distance``: share of hash bits that differ from the nearest picture before it."""

    name: str
    disagreement: float
    distance: float


def disagreement(masks: Sequence[Mask], stabilities: Sequence[float]) -> float:
    """Return the disagreement of models: 1 - mean Dice of all pairs of their masks.

    For one model, return its instability: 1 - the least stability of its objects; 0 without objects.
    """
    if len(masks) < 2:
        return round(1 - min(stabilities, default=1.0), 4)
    pairs = [dice(one, other) for one, other in combinations(masks, 2)]
    return round(1 - float(np.mean(pairs)), 4)


def order_of_labelling(pictures: Sequence[Unlabelled], labelled: Mapping[str, Sequence[int]]) -> list[Place]:
    """Return the pictures in labelling order: each next one has the largest disagreement x distance.

    The distance is to pictures labelled with one of its labels (``labelled``: perceptual hashes by label) and to those
    already ranked; ties are ordered by name. Pictures without disagreement come last. After the first ``MOST_SPREAD``
    places the others are sorted by the same product, with the distance to those places, so that the time grows linearly
    with the number of pictures.
    """
    ordered = sorted(pictures, key=lambda one: one.name)
    hashes = np.array([one.perceptual_hash for one in ordered], np.uint64)
    disagreements = np.array([one.disagreement for one in ordered], np.float64)
    bits = np.full(len(ordered), HASH_BITS, np.uint8)
    for label, others in labelled.items():
        own = np.flatnonzero([label in one.labels for one in ordered])
        nearest, codes = bits[own], hashes[own]
        for other in others:
            _come_nearer(nearest, codes, other)
        bits[own] = nearest
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
    """Update the least number of differing bits of each picture with another hash, in place."""
    np.minimum(bits, np.bitwise_count(hashes ^ np.uint64(other)), out=bits)


def _ranked(
    disagreements: NDArray[np.float64], bits: NDArray[np.uint8], *, best_alone: bool = True
) -> NDArray[np.int64]:
    """Return the indices sorted by product, disagreement and distance, largest first, then by position.

    ``best_alone``: only those with the largest product, which avoids sorting the others.
    """
    distances = _DISTANCES[bits]
    products = disagreements * distances
    rows = np.flatnonzero(products == products.max()) if best_alone else np.arange(len(products))
    return rows[np.lexsort((-distances[rows], -disagreements[rows], -products[rows]))]


def _place(picture: Unlabelled, bits: int) -> Place:
    return Place(picture.name, picture.disagreement, float(_DISTANCES[bits]))
