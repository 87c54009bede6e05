"""Write counts with their nouns."""


def plural(count: int, noun: str, several: str | None = None) -> str:
    """Return a count with its noun: ``1 box``, ``2 boxes``."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
