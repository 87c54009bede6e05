"""Compare the labels of a picture with the predictions of a model that was not trained on it.

A model can be wrong as well as a label: each difference is a doubt, not an error. The names say what would be wrong
with the labels: ``missing`` (a prediction without a label), ``extra`` (a label without a prediction), ``shifted``
(overlap below half), ``merged`` (one label over several predictions), ``split`` (several labels on one prediction),
``wrong_class``; otherwise ``agrees``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice, iou
from medmultipoints.transforms.records import Box

Kind = Literal["missing", "extra", "shifted", "merged", "split", "wrong_class", "agrees"]
TOUCH: Final = 0.1
"""Least IoU of related objects, unless one lies in the other."""
AGREES: Final = 0.5
PART: Final = 0.5
"""Least share of an object inside another to be a part of it."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Marked:
    """A labelled or predicted object in the frame of the picture; without a mask its box is filled."""

    name: str
    label: str
    box: Box
    mask: Mask


@dataclass(frozen=True, slots=True)
class Doubt:
    """One comparison of ``labelled`` and ``predicted`` objects; ``overlap`` is the IoU of their unions.

    ``agreement`` is the Dice of all pixels of the label in the picture; ``doubt`` is for ranking: 1 for no overlap; for
    a missing object, the model's mean probability.
    """

    kind: Kind
    label: str
    labelled: tuple[Marked, ...]
    predicted: tuple[Marked, ...]
    overlap: float
    agreement: float
    doubt: float


def filled_box(box: Box, width: int, height: int) -> Mask:
    """Return a mask of the pixels whose centres lie in a box."""
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    return np.outer((rows >= box.y1) & (rows < box.y2), (columns >= box.x1) & (columns < box.x2))


def compare_picture(
    labelled: Sequence[Marked], predicted: Sequence[Marked], surety: Sequence[float]
) -> Iterator[Doubt]:
    """Yield one doubt per labelled object, then one per predicted object that is in none.

    ``surety`` gives the mean probabilities of the predicted objects.
    """
    table = np.array([[_iou_of([own], [other]) for other in predicted] for own in labelled]).reshape(
        len(labelled), len(predicted)
    )
    groups = _groups(labelled, predicted, table)
    for own, others in groups:
        first, second = [labelled[i] for i in own], [predicted[j] for j in others]
        label = (first or second)[0].label
        overlap = _iou_of(first, second)
        kind = _kind(first, second, overlap)
        doubt = 1 - overlap if first else max(surety[j] for j in others)
        agreement = _dice(
            [one for one in labelled if one.label == label], [one for one in predicted if one.label == label]
        )
        yield Doubt(kind, label, tuple(first), tuple(second), round(overlap, 4), round(agreement, 4), round(doubt, 4))


def _groups(
    labelled: Sequence[Marked], predicted: Sequence[Marked], table: NDArray[np.float64]
) -> list[tuple[list[int], list[int]]]:
    """Return groups of matching objects: each label with its predictions.

    Several labels share a prediction that covers them all.
    """
    joined = np.zeros(table.shape, np.bool_)
    for i, own in enumerate(labelled):
        for j, other in enumerate(predicted):
            joined[i, j] = table[i, j] >= TOUCH or _part(other, own) >= PART or _part(own, other) >= PART
    groups: list[tuple[list[int], list[int]]] = []
    left = list(range(len(labelled)))
    while left:
        rows, columns = {left[0]}, set[int]()
        while True:
            more_columns = {int(j) for i in rows for j in np.flatnonzero(joined[i])}
            more_rows = {int(i) for j in more_columns for i in np.flatnonzero(joined[:, j])} | rows
            if more_rows == rows and more_columns == columns:
                break
            rows, columns = more_rows, more_columns
        left = [i for i in left if i not in rows]
        groups.append((sorted(rows), sorted(columns)))
    seen = {j for _, columns in groups for j in columns}
    return groups + [([], [j]) for j in range(len(predicted)) if j not in seen]


def _kind(labelled: Sequence[Marked], predicted: Sequence[Marked], overlap: float) -> Kind:
    """Return the kind of doubt about a group of labelled and predicted objects."""
    if not labelled:
        return "missing"
    if not predicted:
        return "extra"
    if {one.label for one in labelled} != {one.label for one in predicted}:
        return "wrong_class"
    if len(labelled) < len(predicted):
        return "merged"
    if len(labelled) > len(predicted):
        return "split"
    return "agrees" if overlap >= AGREES else "shifted"


def _iou_of(first: Sequence[Marked], second: Sequence[Marked]) -> float:
    if not first or not second:
        return 0.0
    return iou(_union(first), _union(second))


def _dice(first: Sequence[Marked], second: Sequence[Marked]) -> float:
    """Return the Dice of all pixels of a label; 1 if both sides are empty."""
    if not first or not second:
        return float(not first and not second)
    return dice(_union(first), _union(second))


def _part(one: Marked, other: Marked) -> float:
    """Return the share of one object that lies inside another."""
    return float((one.mask & other.mask).sum() / max(one.mask.sum(), 1))


def _union(marked: Sequence[Marked]) -> Mask:
    return np.asarray(np.logical_or.reduce([one.mask for one in marked]), np.bool_)
