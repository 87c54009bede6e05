"""Find which regions of several readings are of one object, such as the boxes and the masks of one picture.

Of each label, the reading with the strongest evidence in the picture decides which objects there are. An object of
another reading is one of them if their boxes overlap by more than half of their union, and gets its key.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from medmultipoints.transforms.records import MaskLayer, Region, UnusedAnnotation
from medmultipoints.transforms.regions.hierarchy import STRENGTH, strongest_regions
from medmultipoints.transforms.regions.matching import match_boxes
from medmultipoints.transforms.regions.overlaps import find_overlaps

SAME: Final = math.nextafter(0.5, 1)
"""Least intersection over union of two boxes of one object: a box has at most one such partner."""
CONFLICT: Final = "evidence_conflict"
"""Reason of an object that contradicts stronger evidence, so that the count of its label is uncertain."""


@dataclass
class _Outcome:
    keys: dict[str, str] = field(default_factory=dict)
    conflicts: list[UnusedAnnotation] = field(default_factory=list)


def unite_readings(
    regions: Sequence[Region],
    layers: Iterable[MaskLayer],
    reading_of: Mapping[str, int],
    exhaustive: Collection[str],
) -> tuple[list[Region], tuple[UnusedAnnotation, ...]]:
    """Return the regions with one key per object, and the objects left out because of stronger evidence.

    ``reading_of``: number of the reading of each object key. ``layers``: masks of the picture; each shows all objects
    of its labels. ``exhaustive``: labels of which every object is annotated. An object that is none of the stronger
    reading's is left out if it overlaps one of them, or if its label is exhaustive; else it is an object of its own.
    Of an object with equal evidence in two readings, the first declared is kept.
    """
    if len({*reading_of.values(), *(layer.reading for layer in layers)}) < 2:
        return list(regions), ()
    shown = _shown_by_masks(layers)
    outcome = _Outcome()
    objects = strongest_regions(regions)
    for label in sorted({region.label for region in regions}):
        held: dict[int, list[Region]] = {reading: [] for reading in shown.get(label, ())}
        for region in objects:
            if region.label == label:
                held.setdefault(reading_of[str(region.object_key)], []).append(region)
        ranks = {reading: (_rank(own, reading in shown.get(label, ())), reading) for reading, own in held.items()}
        first, *others = sorted(held, key=lambda reading: ranks[reading])
        known = list(held[first])
        for reading in others:
            known += _join(held[reading], known, label in exhaustive, outcome)
    left_out = {conflict.key for conflict in outcome.conflicts}
    kept = [replace(r, object_key=outcome.keys.get(str(r.object_key), r.object_key)) for r in regions]
    pairs = [(new, str(old.object_key)) for new, old in zip(kept, regions, strict=True)]
    return _first_of_each(pairs, left_out, reading_of), tuple(outcome.conflicts)


def _shown_by_masks(layers: Iterable[MaskLayer]) -> dict[str, set[int]]:
    """Return the readings whose masks show each label."""
    shown: dict[str, set[int]] = {}
    for layer in layers:
        for label in {*layer.labels.values(), *([layer.label] if layer.label else [])}:
            shown.setdefault(label, set()).add(layer.reading)
    return shown


def _rank(regions: Iterable[Region], has_mask: bool) -> int:
    ranks = [STRENGTH.index(region.evidence) for region in regions]
    return min([0, *ranks] if has_mask else ranks)


def _join(weaker: Sequence[Region], known: Sequence[Region], exhaustive: bool, outcome: _Outcome) -> list[Region]:
    """Give the key of a known object to each weaker region of it; return the regions of further objects."""
    boxes = [region.box for region in known]
    matched = dict(match_boxes([region.box for region in weaker], boxes, at_least=SAME))
    further = []
    near = find_overlaps([region.box for region in weaker], boxes)
    for place, region in enumerate(weaker):
        key = str(region.object_key)
        if place in matched:
            outcome.keys[key] = str(known[matched[place]].object_key)
        elif near[place] or exhaustive:
            detail = _explain(region, [known[at] for at in near[place]])
            outcome.conflicts.append(UnusedAnnotation(key, region.label, CONFLICT, detail))
        else:
            further.append(region)
    return further


def _explain(region: Region, near: Sequence[Region]) -> str:
    said = f"{region.object_key}: the {region.evidence} of {region.label}"
    if not near:
        return f"{said} is where stronger evidence shows none, and every {region.label} is annotated there"
    named = ", ".join(f"{one.object_key} ({one.evidence})" for one in near[:3])
    return f"{said} overlaps {named} by no more than half of their union, and fits no object of its own"


def _first_of_each(
    pairs: Iterable[tuple[Region, str]], left_out: Collection[str], reading_of: Mapping[str, int]
) -> list[Region]:
    """Return the regions that are kept, of one evidence of one object those of the first reading alone."""
    kept = [(region, reading_of[old]) for region, old in pairs if old not in left_out]
    first: dict[tuple[str | None, str], int] = {}
    for region, reading in kept:
        place = (region.object_key, region.evidence)
        first[place] = min(reading, first.get(place, reading))
    return [region for region, reading in kept if reading == first[region.object_key, region.evidence]]
