"""Hint at what may name persons in a source: folders, files, groups, and metadata of pictures.

Only counts are given, never the names: hints are copied into messages and reports.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.pictures.metadata import find_metadata
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Hint
from medmultipoints.transforms.sources.declaration.model import Declaration, fold_label
from medmultipoints.transforms.sources.hidden_names import find_hidden
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing

LOOKED_AT: Final = 2000
"""Pictures whose first bytes are searched for metadata."""
_ENDS: Final = "bytes after the end"
"""What the metadata of a file that is read in part cannot say."""
_OTHER_WORDS: Final = frozenset({
    "image", "images", "picture", "pictures", "photo", "photos", "mask", "masks", "label", "labels", "annotation",
    "annotations", "box", "boxes", "data", "dataset", "set", "sets", "train", "training", "test", "testing", "val",
    "valid", "validation", "ground", "truth", "original", "originals", "raw", "processed", "new", "old", "left",
    "right", "upper", "lower", "top", "bottom", "front", "back", "case", "cases", "patient", "patients", "series",
    "slice", "slices", "frame", "frames", "video", "videos", "class", "classes", "normal", "abnormal", "benign",
    "malignant", "positive", "negative", "part", "batch", "folder", "group", "all", "final",
})  # fmt: skip
"""Words of names of folders and files that are no names of persons."""


def is_personal_name(text: str) -> bool:
    """Return whether a text may name a person: two or three capitalised words, or words around ``^`` or a comma.

    Numbers at its ends are ignored.
    """
    words = [word for word in re.split(r"[\s_.,^-]+", text) if word and not word.isdigit()]
    if not 2 <= len(words) <= 3 or not all(word.isalpha() and len(word) > 1 for word in words):
        return False
    if _OTHER_WORDS & {word.casefold() for word in words}:
        return False
    return bool(re.search(r"\w[\^,]", text)) or all(word[0].isupper() and word[1:].islower() for word in words)


def personal_hints(
    listing: Listing, declaration: Declaration, labels: Collection[str], groups: Iterable[str]
) -> Iterator[Hint]:
    """Yield hints about names that may be of persons and would reach a release, and about metadata of pictures.

    ``labels``: labels of the source, which are no names; ``groups``: groups of its pictures as a release has them.
    """
    known = {fold_label(label) for label in labels}
    names, hashed = list(listing.pictures), declaration.groups.hash
    if hashed:
        try:
            names = list(map(find_hidden("source", declaration, listing.names()), names))
        except UsageError as error:
            yield Hint("names_not_hidden", str(error))
    paths = [split_path(name) for name in names]
    kinds = {
        "folder": {folder for path in paths for folder in path.folders},
        "file": {path.stem for path in paths},
        "group": set(groups),
    }
    found = {
        kind: sum(is_personal_name(text) and fold_label(text) not in known for text in kinds[kind]) for kind in kinds
    }
    if any(found.values()):
        said = ", ".join(f"{count} of {plural(len(kinds[kind]), kind)}" for kind, count in found.items() if count)
        yield Hint("names_of_persons", f"{said} may bear names of persons, which {_remedy(hashed)}")
    yield from _metadata(listing)


def _remedy(hashed: bool) -> str:
    if hashed:
        return "[read.groups] hash leaves as they are: give them a hole in images, and write it into group, too"
    return (
        "a release repeats in sample_id, member, group_id and messages: [read.groups] hash = true replaces what fills "
        "the holes of group with hashes"
    )


def _metadata(listing: Listing) -> Iterator[Hint]:
    """Yield a hint with the number of pictures that have each kind of metadata that may identify a person."""
    looked = listing.pictures[:: max(1, -(-len(listing.pictures) // LOOKED_AT))]
    held = [{one for one in find_metadata(listing.head(name)) if one.name != _ENDS} for name in looked]
    times = Counter(one.name for found in held for one in found)
    kinds = sorted({one.kind for found in held for one in found})
    if times:
        said = f"{sum(map(bool, held))} of {plural(len(looked), 'picture')} looked at carry metadata: "
        said += ", ".join(f"{name} in {count}" for name, count in sorted(times.items()))
        keys = ", ".join(f'{kind} = "redact"' for kind in kinds)
        yield Hint("metadata", f"{said}; a release keeps them unless [privacy] of the recipe says {keys}")
