"""Relate pictures that are numbered as frames with the frames of a task of CVAT."""

import re
from collections.abc import Sequence, Set
from math import gcd
from typing import Final

from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, folder

_FILTER: Final = re.compile(rb"<frame_filter>\s*step\s*=\s*([1-9]\d{0,5})")
_START: Final = re.compile(rb"<start_frame>\s*([1-9]\d{0,8})\s*</start_frame>")
_NUMBER: Final = re.compile(r"(\d+)$")
RENUMBERED: Final = (
    "pictures are numbered one by one, but the frames of the task begin later, or have steps: no object is read; "
    "number each picture as its frame in"
)


def frame_number(name: str) -> int | None:
    """Return the number at the end of a picture's name."""
    found = _NUMBER.search(split_path(name).stem)
    return int(found[1]) if found else None


def numbered_pictures(name: str, pictures: Sequence[str]) -> dict[int, str]:
    """Return the pictures of one folder, near the annotations, by the number at the end of their names."""
    place = folder(name)
    near = [picture for picture in pictures if not place or picture.startswith(f"{place}/")] or list(pictures)
    if len({folder(picture) for picture in near}) > 1:
        return {}
    return {number: picture for picture in near if (number := frame_number(picture)) is not None}


def frame_step(listing: Listing, name: str) -> int:
    """Return the frame step of the task, from its ``frame_filter``."""
    found = _FILTER.search(listing.head(name))
    return int(found[1]) if found else 1


def are_renumbered(listing: Listing, name: str, annotated: Set[int], pictures: Set[int]) -> bool:
    """Return whether pictures are counted one by one while the frames of the task begin later or have steps.

    Then picture 10 is not frame 10, although there is a picture of that number.
    """
    if len(pictures) < 2 or annotated <= pictures or max(pictures) - min(pictures) + 1 != len(pictures):
        return False
    return gcd(*(frame - min(annotated) for frame in annotated)) > 1 or states_frames(listing, name)


def states_frames(listing: Listing, name: str) -> bool:
    """Return whether the task states a frame step, or a first frame after 0."""
    return frame_step(listing, name) > 1 or _START.search(listing.head(name)) is not None
