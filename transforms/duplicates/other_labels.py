"""Find objects that two copies of a picture have at the same place under different labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.regions.overlaps import find_overlaps

SAME_PLACE = 0.8
"""Two boxes with this intersection over union enclose the same object, also under different labels."""

Objects = Mapping[str, Sequence[Sequence[Any]]]
"""The objects of a picture by label; each begins with the sides of its box."""


def find_relabelled(one: Objects, other: Objects, names: Mapping[str, str]) -> set[str]:
    """Return the labels, of both pictures, of objects at the same place that have no released label in common.

    ``names``: released label of each label.
    """
    (labels, boxes), (other_labels, other_boxes) = _flatten(one), _flatten(other)
    found: set[str] = set()
    for here, there in zip(_at_places(boxes, boxes), _at_places(boxes, other_boxes), strict=True):
        own, others = {labels[at] for at in here}, {other_labels[at] for at in there}
        released, others_released = ({names.get(label, label) for label in some} for some in (own, others))
        if others and not released & others_released:
            found |= own | others
    return found


def _flatten(objects: Objects) -> tuple[list[str], list[Box]]:
    pairs = [(label, Box(*values[:4])) for label, some in objects.items() for values in some]
    return [label for label, _ in pairs], [box for _, box in pairs]


def _at_places(first: Sequence[Box], second: Sequence[Box]) -> list[list[int]]:
    """Return, for each box of ``first``, the positions in ``second`` of the boxes at its place."""
    near = find_overlaps(first, second)
    return [
        [place for place in places if iou(box, second[place]) >= SAME_PLACE]
        for box, places in zip(first, near, strict=True)
    ]
