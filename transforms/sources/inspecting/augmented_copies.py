"""Ask whether augmented copies of one picture, as Roboflow names them, must share a split."""

import re
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.parts import EACH_PICTURE
from medmultipoints.transforms.sources.declaration.patterns import as_patterns, compile_pattern
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, matching
from medmultipoints.transforms.sources.reading.path_patterns import SPLIT_WORDS
from medmultipoints.transforms.sources.reading.proposing import Draft, single

_COPY: Final = re.compile(r"(?P<original>.+)\.rf\.[0-9A-Za-z]{8,}")
"""Stem of a copy: the original's name with its extension, and a hash."""
_STEM: Final = re.compile(r"\{stem\}(?=[^/]*$)")
_NAMED: Final = "{original}.rf.{copy}"


def ask_copies(draft: Draft, listing: Listing) -> None:
    """Name the originals by a hole, and ask for ``groups.group`` if several pictures are copies of one.

    Stated patterns stay as they are; the question then says what to write in them.
    """
    patterns = as_patterns(draft.likely("images"))
    pictures = matching(listing.pictures, patterns)
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for name in pictures:
        if found := _COPY.fullmatch(split_path(name).stem):
            copies[found["original"]].append(name)
    several = {original: names for original, names in copies.items() if len(names) > 1}
    if not several:
        return
    named = "original" in {hole for text in patterns for hole in compile_pattern(text).holes}
    if not named and sum(map(len, copies.values())) == len(pictures):
        named = _name_originals(draft, listing)
    if draft.states("groups.group") is not None or draft.likely("groups.group"):
        return
    most = max(several, key=lambda original: (len(several[original]), original))
    said = f"{plural(len(several), 'picture')} with several copies ({most}: {len(several[most])}), "
    said += f"named by Roboflow: must copies of one picture stay in one split? {EACH_PICTURE}: each alone."
    if divided := sum(len(_splits(names)) > 1 for names in several.values()):
        said += f" Folders of splits divide {plural(divided, 'picture')}."
    if named:
        draft.ask("groups.group", said, ["{original}", EACH_PICTURE], "{original}")
    else:
        said += f' Write {_NAMED} for the name in images to use "{{original}}".'
        draft.ask("groups.group", said, [EACH_PICTURE])


def _name_originals(draft: Draft, listing: Listing) -> bool:
    """Replace the stem by the original in the patterns of pictures and of files named so, if none is stated."""
    changed = {}
    for key, names in (("images", listing.pictures), ("annotations", listing.names())):
        texts = as_patterns(draft.likely(key))
        new = tuple(_STEM.sub(_NAMED, text) for text in texts)
        if new != texts and matching(names, new) == matching(names, texts):
            changed[key] = new
    if any(draft.states(key) is not None for key in changed) or not changed.get("images"):
        return False
    for key, new in changed.items():
        draft.line(key, single(new), "Roboflow's names: the original picture, .rf. and a hash")
    return all("{original}" in text for text in changed["images"])


def _splits(names: Collection[str]) -> set[str]:
    return {part for name in names for part in split_path(name).folders if part.lower() in SPLIT_WORDS}
