"""Faults and findings planted in image and mask sources, each on an image of its own that the seed decides."""

from collections.abc import Mapping, Sequence
from typing import Any

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.image_mask_pairs import Draft
from medmultipoints.transforms.sources.simulated.members import Planted, digest
from medmultipoints.transforms.sources.simulated.pair_faults import PAIR_FAULTS, PairFault
from medmultipoints.transforms.sources.simulated.pair_findings import PAIR_FINDINGS

PLANTS: Mapping[str, PairFault] = {**PAIR_FAULTS, **PAIR_FINDINGS}


def plant_pair_faults(draft: Draft, faults: Sequence[str]) -> tuple[Planted, ...]:
    """Plant each named fault on a stem of its own; UsageError where the images do not suffice.

    Only stems whose boxes stay clear of the origin are used, so that a stray pixel there is a component of its own.
    """
    stems = [stem for stem, entry in draft.entries.items() if all(_clear(box) for box in entry["bbox"])]
    stems.sort(key=lambda stem: digest(draft.seed, "fault", stem))
    needed = len(faults) + sum(PLANTS[name].repeats for name in faults)
    if len(stems) < needed:
        raise UsageError(
            f"{draft.source.name}: {len(faults)} faults need {needed} images without objects at the origin and the "
            f"simulation has {len(stems)}. Simulate more images or name fewer faults."
        )
    others = reversed(stems)
    planted = []
    for name, stem in zip(faults, stems, strict=False):
        fault = PLANTS[name]
        member = fault.plant(draft, stem, next(others) if fault.repeats else stem)
        planted.append(Planted(draft.source.name, name, stem, member, fault.reason))
    return tuple(planted)


def _clear(box: Mapping[str, Any]) -> bool:
    return bool(max(box["xmin"], box["ymin"]) > 16)
