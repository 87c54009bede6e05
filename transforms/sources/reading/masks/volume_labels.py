"""Decide the labels of volume masks: from headers, file names, values, or by asking."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.nifti import read_volume
from medmultipoints.transforms.rasters.volume_files import segment_names
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.parts import SEGMENT_HOLE
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern
from medmultipoints.transforms.sources.reading.listing import Listing, folder
from medmultipoints.transforms.sources.reading.masks.mask_values import value_names
from medmultipoints.transforms.sources.reading.masks.observers import (
    MOST_OBSERVERS,
    Area,
    ask_observer,
    compare_areas,
)
from medmultipoints.transforms.sources.reading.masks.volume_keys import decide_classes
from medmultipoints.transforms.sources.reading.masks.volume_sets import HEAD_BYTES, volume_stem
from medmultipoints.transforms.sources.reading.path_patterns import literal, propose_patterns, propose_repeated
from medmultipoints.transforms.sources.reading.proposing import Draft

SEGMENT: Final = f"{{{SEGMENT_HOLE}}}"
"""Label in place of the names of segments in the mask's own header."""
_LISTED: Final = 40
"""Greatest number of labels listed in a pattern."""
_COMPARED: Final = 3
"""Number of volumes whose masks are compared."""


def segments_of(listing: Listing, mask: str) -> dict[int, dict[int, str]]:
    """Return the names of segments by value, by layer, that a mask's header gives."""
    return segment_names(listing.head(mask, HEAD_BYTES))


def mask_patterns(listing: Listing, owners: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns of masks; ``{target}`` is the label if a volume has several.

    A label holds no name of its case: ``{folder}/{folder}_{target}.nii.gz``.
    """
    if len({owners[name] for name in names}) == len(names):
        return propose_patterns(names, listing.kinds)
    repeated = propose_repeated(names, listing.kinds, "target") or _after_case(listing, owners, names)
    if repeated is not None and "{target" in repeated:
        return (repeated,)
    return tuple(text.replace("{stem}", "{target}") for text in propose_patterns(names, listing.kinds))


def _after_case(listing: Listing, owners: Mapping[str, str], names: Sequence[str]) -> str | None:
    r"""Return ``{case:ID\d+}_{target}.nii.gz`` for masks in one folder, named after their volumes, or None."""
    starts = {name: _shared_words(volume_stem(owners[name]), volume_stem(name)) for name in names}
    shapes = {(re.sub(r"\d+", r"\\d+", re.escape(start[:-1])), start[-1:]) for start in starts.values()}
    several = len(set(starts.values())) == len({owners[name] for name in names}) > 1
    if len(shapes) != 1 or not several or len(set(map(folder, names))) != 1:
        return None
    place, extension = folder(names[0]), names[0].rpartition("/")[2].removeprefix(volume_stem(names[0]))
    (shape, separator), *_ = shapes
    before = (f"{literal(place)}/" if place else "") + f"{{case:{shape}}}{separator}"
    targets = sorted({volume_stem(name).removeprefix(start) for name, start in starts.items()})
    for hole in ("{target}", f"{{target:{'|'.join(map(re.escape, targets))}}}"):
        pattern = compile_pattern(f"{before}{hole}{literal(extension)}")
        if len(targets) <= _LISTED and all(pattern.fits(name) == (name in starts) for name in listing.of("nifti")):
            return pattern.text
    return None


def _shared_words(a: str, b: str) -> str:
    """Return the longest common beginning that ends after a separator, or an empty string."""
    length = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return re.sub(r"[^_\-. ]*$", "", b[:length])


def decide_labels(draft: Draft, listing: Listing, chosen: Mapping[str, str]) -> None:
    """Propose or ask what the masks (with their volumes) show."""
    several = len(set(chosen.values())) < len(chosen)
    named = {mask: segments for mask in chosen if (segments := segments_of(listing, mask))}
    sampled = list(chosen)[:: max(1, len(chosen) // 12)][:12]
    if chosen and len(named) == len(chosen):
        words = sorted({name for layers in named.values() for held in layers.values() for name in held.values()})
        draft.line("masks.kind", "classes", "a value in each layer of the mask is a segment")
        draft.line("masks.label", SEGMENT, f"names of segments in the headers: {', '.join(words[:8])}")
    elif several:
        draft.line("masks.kind", "binary", f"{plural(len(chosen), 'mask')}, several a volume: one for each label")
        if "{target" in str(draft.likely("annotations")):
            draft.line("masks.label", "{target}", "the name of the mask's file")
        else:
            draft.ask("masks.label", "No pattern joins the masks with labels. Name the label by a hole of annotations.")
    else:
        numbers = sorted(
            {int(v) for name in sampled for v in np.unique(read_volume(listing.read(name), name).values) if v}
        )
        _decide_values(draft, listing, numbers)
    text = "Is each connected area of a plane an object, or all areas of one label in it?"
    draft.ask("masks.object", text, ["component", "file"], "component")


def _decide_values(draft: Draft, listing: Listing, numbers: Sequence[int]) -> None:
    one = len(numbers) <= 1 and draft.states("masks.values") is None
    if one and (not numbers or value_names(listing, numbers) is None):
        draft.line("masks.kind", "binary", f"values 0 and {numbers[0] if numbers else 1} alone")
        draft.ask("masks.label", "What do the masks show? Give the label of the objects.")
    else:
        decide_classes(draft, listing, numbers)


def ask_observers(draft: Draft, listing: Listing, pattern: str, owners: Mapping[str, str]) -> list[str] | None:
    """Return the first observer's masks, after asking, if masks of one volume show the same areas, else None."""
    compiled, targets = compile_pattern(pattern), dict[str, list[str]]()
    for name in owners:
        targets.setdefault((compiled.match(name) or {}).get("target", ""), []).append(name)
    if not 2 <= len(targets) <= MOST_OBSERVERS:
        return None
    volumes = set(sorted(set(owners.values()))[:_COMPARED])
    held = [[name for name in names if owners[name] in volumes] for names in targets.values()]
    alike = compare_areas([{owners[name]: _area(listing, name) for name in names} for names in held])
    if alike is None:
        return None
    sets = {pattern.replace("{target}", literal(word)): names for word, names in sorted(targets.items())}
    ask_observer(draft, sets, merged=pattern, likely=alike == "same")
    return next(iter(sets.values()))


def _area(listing: Listing, name: str) -> Area:
    """Return where a mask has an object; empty if it cannot be read."""
    try:
        return np.asarray(read_volume(listing.read(name), name).values != 0)
    except MemberProblem:
        return np.zeros((0, 0, 0), np.bool_)
