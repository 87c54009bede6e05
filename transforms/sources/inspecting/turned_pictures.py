"""Decide from the sizes in annotations whether they refer to turned pictures as stored or as shown."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Recognition
from medmultipoints.transforms.sources.declaration.model import merge_read
from medmultipoints.transforms.sources.inspecting.declared_answers import likely_answers, nest_keys
from medmultipoints.transforms.sources.inspecting.grouping import read_some
from medmultipoints.transforms.sources.reading.joining import is_turned, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.proposing import redraft

EXIF: Final = "pictures.exif"
COMPARED: Final = 500
"""Turned pictures whose sizes are compared."""


def settle_orientation(listing: Listing, recognition: Recognition, stated: Mapping[str, Any]) -> Recognition:
    """Return the proposal with ``pictures.exif`` if the sizes of masks, or those in annotations, prove it.

    A size with swapped sides proves that annotations were made on the turned picture; a mask in the stored size proves
    that they were not. The stored size in an annotation proves nothing, since programs often add it later: the question
    then names the sizes that were found, as it does if both kinds occur.
    """
    draft = redraft(recognition, stated)
    question = draft.asks(EXIF)
    if question is None:
        return recognition
    likely = nest_keys(likely_answers(recognition.questions))
    read = merge_read(merge_read(recognition.read, likely), stated)
    votes = Counter(islice(_compare_sizes(listing, read_some(listing, read, None)), COMPARED))
    shown, masks, stored = votes["shown"], votes["mask as stored"], votes["stored"]
    if shown and not masks + stored:
        draft.settle(EXIF, "displayed", f"annotations have the size of {plural(shown, 'turned picture')} as shown")
    elif masks and not shown:
        draft.settle(EXIF, "stored", f"masks have the size of {plural(masks, 'turned picture')} as stored")
    elif shown or stored:
        counts = [f"{size} as {word}" for size, word in ((shown, "shown"), (masks + stored, "stored")) if size]
        text = f"{question.text} Annotations state the size of {' and of '.join(counts)}."
        draft.questions[draft.questions.index(question)] = replace(question, text=text)
    return draft.done()


def _compare_sizes(listing: Listing, pictures: Iterable[AnnotatedPicture]) -> Iterator[str]:
    """Yield which size the masks or annotations of each turned picture have: shown, stored or mask as stored."""
    for one in pictures:
        if listing.kinds.get(one.member) != "picture":
            continue
        masks = [layer.member for layer in one.layers if listing.kinds.get(layer.member) == "picture"]
        said = size_or_none(listing, masks[0]) if masks else (one.width, one.height)
        real = size_or_none(listing, one.member)
        if real is None or real[0] == real[1] or said not in (real, real[::-1]):
            continue
        if is_turned(listing, one.member):
            yield "shown" if said != real else "mask as stored" if masks else "stored"
