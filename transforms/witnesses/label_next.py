"""Rank the pictures to label next: large disagreement of models, and variety of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.witnesses.label_agreement import in_size
from medmultipoints.transforms.witnesses.proposal_rows import Proposing

Mask = NDArray[np.bool_]
MOST_SPREAD: Final = 2_000
"""Number of places ranked one by one: more than are labelled before models are retrained."""
HASH_BITS: Final = 64
_DISTANCES: Final = np.array([round(bits / HASH_BITS, 4) for bits in range(HASH_BITS + 1)])

SIDE = 128
"""Side of the frame in which models' masks are compared: disagreement is about places, not edges."""
Row = dict[str, Any]


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


def next_rows(
    placed: pl.DataFrame, images: pl.DataFrame, proposing: Proposing, known: Mapping[str, frozenset[str]]
) -> list[Row]:
    """Return the rows of the table ``next_labels``, in labelling order; ``known``: labels by sha256 of the model."""
    judged = {str(name): rows for (name,), rows in placed.partition_by("sample_id", as_dict=True).items()}
    asked = {name: labels for name, rows in judged.items() if (labels := _open_labels(name, rows, proposing, known))}
    hashes = {name: int(code, 16) for name, code in images.select("sample_id", "perceptual_hash").iter_rows()}
    labelled: dict[str, set[int]] = {label: set() for labels in asked.values() for label in labels}
    for name, label in proposing.annotated | proposing.completed:
        if label in labelled and name in hashes:
            labelled[label].add(hashes[name])
    pictures = [
        Unlabelled(name, _disagreement(judged[name], labels), hashes[name], labels) for name, labels in asked.items()
    ]
    order = order_of_labelling(pictures, {label: sorted(codes) for label, codes in labelled.items()})
    return [
        {
            "sample_id": one.name,
            "image_sha256": judged[one.name]["image_sha256"][0],
            "place": place,
            "disagreement": one.disagreement,
            "distance": one.distance,
            "models": judged[one.name].height,
        }
        for place, one in enumerate(order, 1)
    ]


def _open_labels(
    sample_id: str, rows: pl.DataFrame, proposing: Proposing, known: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return the labels of the models that judged a picture, as far as they are not annotated there but fit it.

    Where a reviewer gave all objects of a label, nothing is left to label; one object that was added is not all.
    """
    labels = frozenset[str]().union(*(known[model] for model in rows["model_sha256"]))
    left = (label for label in labels if (sample_id, label) not in proposing.completed)
    return frozenset(label for label in left if proposing.is_open(sample_id, label))


def _disagreement(rows: pl.DataFrame, labels: frozenset[str]) -> float:
    masks, steady = [], []
    for row in rows.sort("prediction_id").iter_rows(named=True):
        own = [place for place, label in enumerate(row["labels"]) if label in labels]
        masks.append(_mask(row, own))
        steady += [row["stabilities"][place] for place in own]
    return disagreement(masks, steady)


def _mask(row: Row, places: list[int]) -> Mask:
    masks = [np.zeros((SIDE, SIDE), np.bool_)]
    masks += [in_size(decode_rle(row["rles"][place], row["height"], row["width"]), (SIDE, SIDE)) for place in places]
    return np.asarray(np.logical_or.reduce(masks), np.bool_)
