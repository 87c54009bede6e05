"""Write counts with their nouns, and lists that may be long."""

from collections.abc import Sequence


def plural(count: int, noun: str, several: str | None = None) -> str:
    """Return a count with its noun: ``1 box``, ``2 boxes``."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def first_few(values: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """Return the first values for a message, and the number of further ones."""
    more = f"{separator.rstrip(', ')} and {len(values) - most:,} more" if len(values) > most else ""
    return separator.join(values[:most]) + more
