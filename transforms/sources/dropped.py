"""Leave out the files that a declaration drops, in the same way for all formats."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from medmultipoints.transforms.sources.accounting import DROPPED
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Reading, ReadProblem, picture_key
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import PICTURE_EXTENSIONS, Kind, Listing, matching

_WITHOUT_PICTURES: Final[frozenset[Kind]] = frozenset({"text", "parquet", "other", "empty"})


def hide_dropped(listing: Listing, drop: Collection[str]) -> Listing:
    """Return the listing without the dropped files of annotations.

    Files of pictures and masks stay: without them, annotations of a dropped picture would look like faults.
    """
    fitting = matching(listing.kinds, tuple(drop)) if drop else ()
    return listing.hide(name for name in fitting if _is_hidden(name, listing.kinds[name])) if fitting else listing


def without_dropped(reading: Reading, drop: Collection[str]) -> Reading:
    """Yield what a reader yields, without dropped pictures and masks; problems of those become dropped ones.

    ``drop`` has at least one pattern. A picture that loses its only mask is one without annotation.
    """
    found = list(reading)
    pictures = [one for one in found if isinstance(one, AnnotatedPicture)]
    members = (name for one in pictures for name in (one.member, *_annotating(one)))
    problems = [one for one in found if isinstance(one, ReadProblem)]
    named = (text.partition("#")[0] for one in problems for text in (one.key, one.picture or ""))
    gone = frozenset(matching({*members, *named}, tuple(drop)))
    names = {name for one in pictures if one.member in gone for name in (one.name, picture_key(one))} | gone
    for one in found:
        if isinstance(one, ReadProblem):
            left = one.picture in names or one.key.partition("#")[0] in gone
            yield replace(one, verdict="dropped", reason=DROPPED) if left else one
        elif one.member in gone:
            yield from _unused_annotations(one)
        else:
            layers = tuple(layer for layer in one.layers if layer.member not in gone)
            lost = len(layers) < len(one.layers) and not layers and not one.annotations
            used = tuple(name for name in one.read_from if name not in gone)
            yield replace(one, layers=layers, read_from=used, annotated=one.annotated and not lost)


def _is_hidden(name: str, kind: Kind) -> bool:
    return kind in _WITHOUT_PICTURES and split_path(name).extension not in PICTURE_EXTENSIONS


def _annotating(picture: AnnotatedPicture) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*picture.read_from, *(layer.member for layer in picture.layers))))


def _unused_annotations(picture: AnnotatedPicture) -> Iterator[ReadProblem]:
    """Yield the files that annotate a dropped picture; those that other pictures use count as used."""
    for name in _annotating(picture):
        said = f"{name} annotates {picture.member}, which drop leaves out"
        yield ReadProblem(key=name, reason=DROPPED, detail=said, verdict="dropped")
