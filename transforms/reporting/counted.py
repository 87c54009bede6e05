"""Counts in words."""


def plural(count: int, noun: str, several: str | None = None) -> str:
    """Return ``1 box``, ``2 boxes``: a count with its noun."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
