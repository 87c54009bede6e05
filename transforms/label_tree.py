"""Labels and their parts: ``{"kidney": ["left kidney", "right kidney"]}``."""

from collections.abc import Mapping, Sequence

Parts = Mapping[str, Sequence[str]]


def descendants(parts: Parts, label: str) -> frozenset[str]:
    """Return all labels below one. Raise ValueError if a label is below itself."""
    found: set[str] = set()
    below = list(parts.get(label, ()))
    while below:
        one = below.pop()
        if one == label:
            raise ValueError(f"{label!r} is a part of itself")
        if one not in found:
            found.add(one)
            below += parts.get(one, ())
    return frozenset(found)
