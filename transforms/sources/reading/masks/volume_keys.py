"""Decide and read declaration keys of volumes: names of values, and the rule for gray levels."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from medmultipoints.transforms.errors import MemberProblem, UsageError
from medmultipoints.transforms.rasters.nifti import read_volume
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.masks.mask_values import number_names, region_values, value_names
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.records.json_rows import parse_json


def decide_classes(draft: Draft, listing: Listing, numbers: Sequence[int]) -> None:
    """Propose values as classes, with names from a file if one names all, else ask for the names."""
    draft.line("masks.kind", "classes", f"{plural(len(numbers), 'value')} and 0, the same in all volumes looked at")
    if ask_regions(draft, listing, numbers):
        return
    if not numbers or not propose_names(draft, listing, numbers):
        shown = ", ".join(map(str, numbers[:20]))
        draft.ask("masks.values", f"What do the values {shown} show? No file of the source names them.")


def ask_regions(draft: Draft, listing: Listing, numbers: Sequence[int]) -> bool:
    """Ask what each value shows by itself if a file names regions of several values; return whether it does.

    Raise UsageError if the stated label of a value is a region that has other values, too.
    """
    name, regions = region_values(listing)
    stated = draft.states("masks.values")
    for label, values in regions.items():
        own = {str(value) for value, given in dict(stated or {}).items() if given == label}
        if own and own != set(map(str, values)):
            raise UsageError(
                f'read.masks.values: in {name} "{label}" is the region of the values {_listed(values)}; give it to all '
                "of these, or give each value a label of its own."
            )
    if not any(len(values) > 1 for values in regions.values()):
        return False
    shown = "; ".join(f"{label}: {_listed(values)}" for label, values in regions.items() if values)
    text = f"{name} names regions of several values ({shown}), and here a value has one label. What does each of "
    draft.ask("masks.values", f"{text}{_listed(numbers)} show by itself? Values of one label are one region.")
    return True


def _listed(values: Collection[int]) -> str:
    return ", ".join(map(str, sorted(values)))


def propose_names(draft: Draft, listing: Listing, numbers: Sequence[int], border: Sequence[int] = ()) -> bool:
    """Propose the JSON file that names all ``numbers``, if there is one; values that it calls ignore are ignored.

    ``border``: values that are ignored already.
    """
    names = value_names(listing, numbers)
    if names is None:
        return False
    draft.line("label_names", names[0], f"it names the {plural(len(numbers), 'value')} in use")
    if ignored := [number for number, name in names[1].items() if name.lower() == "ignore"]:
        draft.line("masks.ignore", [*border, *ignored], f"{names[0]} calls them ignore")
    return True


def ask_classes(draft: Draft, listing: Listing, masks: Sequence[str]) -> None:
    """Propose or ask the class names of the values in volume masks."""
    sampled = list(masks)[:: max(1, len(masks) // 12)][:12]
    numbers = sorted({int(v) for name in sampled for v in np.unique(read_volume(listing.read(name), name).values) if v})
    decide_classes(draft, listing, numbers)


def declared_values(declaration: Declaration, listing: Listing) -> Mapping[str, str]:
    """Return the labels by value: the declared ones, else those of the file ``label_names``.

    Raises UsageError if that file is missing or names no numbers.
    """
    if declaration.masks.values or declaration.label_names is None:
        return declaration.masks.values
    member = declaration.label_names
    if member not in set(listing.names()):
        raise UsageError(f"read.label_names: no file {member!r} in the source. Correct the declaration.")
    try:
        names = number_names(parse_json(listing.read(member), member))
    except MemberProblem as problem:
        raise UsageError(f"read.label_names: {problem.detail}. Correct the file or the declaration.") from problem
    if names is None:
        raise UsageError(f'read.label_names: {member} has no names of numbers, such as {{"1": "liver"}}.')
    return {str(number): name for number, name in names.items() if number and name.lower() != "ignore"}


def rendering_of(declaration: Declaration) -> str:
    """Return the rule for gray levels of a sample: canonical JSON of ``[read.intensity]``."""
    keys = declaration.intensity
    window: Any = dict(keys.window) if isinstance(keys.window, Mapping) else keys.window or "percentile 0.5 99.5"
    return json.dumps({"invert_monochrome1": keys.invert_monochrome1, "window": window}, sort_keys=True)
