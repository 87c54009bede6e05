"""Build safe, unique names of files and folders from texts of a release."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from medmultipoints.transforms.dialects.items import Picture

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SLUG: Final = re.compile(r"[\W_]+")
_IMPLIED: Final = {"microscopy": "microscopy"} | dict.fromkeys(
    ("lower gi", "upper gi", "gastrointestinal tract"), "endoscopy"
)


def plain_name(text: str, sha256: str) -> str:
    """Return the text if it is a plain name without ``--``, otherwise the sha256."""
    return text if _PLAIN.fullmatch(text) and "--" not in text else sha256


def slug(text: str) -> str:
    """Return the text in lower case, with ``-`` for other characters than letters and digits; ``unknown`` if empty."""
    return _SLUG.sub("-", text.lower()).strip("-")[:60] or "unknown"


def modality(picture: Picture) -> str:
    """Return the source's modality, otherwise the usual one of the organ, or ``unknown``."""
    if picture.modality:
        return picture.modality
    return _IMPLIED.get(picture.organ.lower(), "unknown")


def stable_id(text: str) -> int:
    """Return a positive integer of at most 52 bits from the sha256 of a text.

    It does not depend on other rows and is exact as a double, to which some readers convert numbers.
    """
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) + 1


def check_unique(names: Iterable[object], what: str) -> None:
    """Raise ValueError if a name occurs twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]} occurs twice")
