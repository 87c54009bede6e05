"""Names of files and folders from a release's own words: plain, unique, never a path that leads elsewhere."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from medmultipoints.transforms.dialects.items import Picture

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SLUG: Final = re.compile(r"[^a-z0-9]+")
_IMPLIED: Final = {"microscopy": "microscopy"} | dict.fromkeys(
    ("lower gi", "upper gi", "gastrointestinal tract"), "endoscopy"
)


def plain_name(text: str, sha256: str) -> str:
    """Return the text where it is a plain name without ``--``, else the sha256."""
    return text if _PLAIN.fullmatch(text) and "--" not in text else sha256


def slug(text: str) -> str:
    """Return the text in lower case, with ``-`` for all but letters and digits; ``unknown`` where nothing is left."""
    return _SLUG.sub("-", text.lower()).strip("-")[:60] or "unknown"


def modality(picture: Picture) -> str:
    """Return the modality that the source gives, else that of a known organ, or ``unknown``."""
    if picture.modality:
        return picture.modality
    return _IMPLIED.get(picture.organ.lower(), "unknown")


def stable_id(text: str) -> int:
    """Return a positive integer of at most 52 bits from the sha256 of a text: other rows of a release do not change it.

    It is exact in a double, which some readers turn numbers into.
    """
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) + 1


def check_unique(names: Iterable[object], what: str) -> None:
    """Raise ValueError for a name that occurs twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]} would name two things")
