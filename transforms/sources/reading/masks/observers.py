"""Find sets of masks that show the same areas, as those of several observers do: one set is read, not all."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import iou
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask
from medmultipoints.transforms.sources.reading.pixel_looks import packed_colours
from medmultipoints.transforms.sources.reading.proposing import Draft

MOST_OBSERVERS: Final = 8
COMPARED: Final = 6
"""Number of pictures compared for each pair of sets."""
MOST_SIDE: Final = 512
"""Areas are compared in every second, third, … row and column so that no side is much longer."""
SIMILAR, SAME = 0.5, 0.8
"""Intersection over union that two people's masks of one object exceed, and that masks of two labels hardly ever do."""
Area = NDArray[np.bool_]


def compare_sets(listing: Listing, sets: Sequence[Sequence[Mask]]) -> Literal["same", "similar"] | None:
    """Return whether any two sets show the same areas in two thirds of their pictures, or similar ones in half.

    None if neither, or if there are more sets than observers.
    """
    if not 2 <= len(sets) <= MOST_OBSERVERS:
        return None
    return compare_areas([_areas(listing, masks) for masks in sets])


def compare_areas(shown: Sequence[Mapping[str, Area]]) -> Literal["same", "similar"] | None:
    """Return whether any two sets, given as areas by picture, show the same or similar areas, as ``compare_sets``."""
    found = [overlaps for pair in combinations(shown, 2) if (overlaps := _overlaps(*pair))]
    if any(overlaps[len(overlaps) // 3] > SAME for overlaps in found):
        return "same"
    return "similar" if any(overlaps[(len(overlaps) - 1) // 2] > SIMILAR for overlaps in found) else None


def ask_observer(draft: Draft, sets: Mapping[str, Sequence[object]], *, merged: str | None, likely: bool) -> None:
    """Ask which of the sets (by pattern) to read; with ``likely`` the first; ``merged``: the pattern of all of them."""
    said = ", ".join(f"{pattern} ({plural(len(masks), 'file')})" for pattern, masks in sets.items())
    text = f"Masks of one picture show the same areas, as those of several observers do: {said}. Which are to be read?"
    if merged:
        text += f" {merged} reads all, each as a label of its own."
    draft.ask("annotations", text, [*sets, *([merged] if merged else [])], next(iter(sets)) if likely else None)


def _areas(listing: Listing, masks: Sequence[Mask]) -> dict[str, Area]:
    """Return the area of all masks of each sampled picture; sets of the same pictures have the same sample."""
    found: dict[str, list[Mask]] = {}
    for mask in masks:
        found.setdefault(mask.picture, []).append(mask)
    sampled = sorted(found)[:: max(1, len(found) // COMPARED)][:COMPARED]
    return {picture: _area(listing, found[picture]) for picture in sampled}


def _area(listing: Listing, masks: Sequence[Mask]) -> Area:
    """Return the area of all masks together; empty if one cannot be read or their sizes differ."""
    looks = [listing.look(mask.member) for mask in masks]
    areas = [packed_colours(look.values) > (127 if look.lossy else 0) for look in looks if look is not None]
    if len(areas) < len(masks) or len({area.shape for area in areas}) != 1:
        return np.zeros((0, 0), np.bool_)
    step = 1 + max(areas[0].shape) // MOST_SIDE
    together: Area = np.any([area[::step, ::step] for area in areas], axis=0)
    return together


def _overlaps(one: Mapping[str, Area], other: Mapping[str, Area]) -> list[float]:
    """Return the intersection over union of the areas in each picture of both, in ascending order."""
    pairs = [(one[picture], other[picture]) for picture in one if picture in other]
    shown = (pair for pair in pairs if any(area.any() for area in pair))
    return sorted(iou(*pair) if pair[0].shape == pair[1].shape else 0.0 for pair in shown)
