"""Compare a parent label with the union of its parts, so that no object is counted twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.label_tree import Parts, descendants
from medmultipoints.transforms.masks.mask_sets import union_of
from medmultipoints.transforms.records import Region

AGREEMENT: Final = 0.9
"""Least intersection over union of a parent with the union of its parts."""
STRENGTH: Final = ("mask", "polygon", "track", "box")
"""Evidence of declared objects, the strongest first."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent label left out of an image that also shows its parts; ``overlap``: IoU with their union."""

    label: str
    parts: tuple[str, ...]
    overlap: float

    @property
    def agrees(self) -> bool:
        return self.overlap >= AGREEMENT


def find_parents(regions: Sequence[Region], parts: Parts, width: int, height: int) -> tuple[Parent, ...]:
    """Return the parent labels of an image that also shows some of their parts, with their overlap."""
    labels = {region.label for region in regions}
    found = []
    for label in sorted(labels & parts.keys()):
        below = descendants(parts, label) & labels
        if below:
            whole = strongest_regions(region for region in regions if region.label == label)
            pieces = strongest_regions(region for region in regions if region.label in below)
            found.append(Parent(label, tuple(sorted(below)), _overlap(whole, pieces, width, height)))
    return tuple(found)


def is_unclear(regions: Iterable[Region], parts: Parts) -> bool:
    """Return whether an image names a parent label without any of its parts."""
    labels = {region.label for region in regions}
    return any(not descendants(parts, label) & labels for label in labels & parts.keys())


def strongest_regions(regions: Iterable[Region]) -> list[Region]:
    """Return one region per object: the one with the strongest evidence."""
    best: dict[str | None, Region] = {}
    for region in sorted(regions, key=lambda one: STRENGTH.index(one.evidence)):
        best.setdefault(region.object_key, region)
    return list(best.values())


def _overlap(whole: Sequence[Region], pieces: Sequence[Region], width: int, height: int) -> float:
    """Return the IoU of the masks if all regions have one, else of the bounding rectangles."""
    if all(region.rle is not None for region in (*whole, *pieces)):
        a, b = (union_of((str(one.rle) for one in side), width, height) for side in (whole, pieces))
    else:
        a, b = _extent(whole, width, height), _extent(pieces, width, height)
    together = int((a | b).sum())
    return int((a & b).sum()) / together if together else 0.0


def _extent(regions: Sequence[Region], width: int, height: int) -> NDArray[np.bool_]:
    boxes = np.array([region.box for region in regions])
    left, top = np.floor(boxes[:, :2].min(axis=0)).astype(int)
    right, bottom = np.ceil(boxes[:, 2:].max(axis=0)).astype(int)
    extent = np.zeros((height, width), bool)
    extent[top:bottom, left:right] = True
    return extent
