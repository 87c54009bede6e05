"""Parse plain decimal numbers; ``float`` also accepts ``0.1_25``, ``infinity`` and non-ASCII digits."""

import re
from typing import Final

DECIMAL: Final = r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
"""Pattern of one number, without capturing groups; it never backtracks, so matching takes linear time."""
_DECIMAL: Final = re.compile(DECIMAL)
MOST_DIGITS: Final = 18
"""Longer whole numbers overflow 64 bits; ``int`` refuses more than 4,300 digits."""


def parse_decimal(text: str) -> float:
    """Return the number written in ASCII digits; raise ValueError for anything else."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number")
    return float(text)


def is_whole(text: str) -> bool:
    """Return whether a text is a whole number in ASCII digits that fits 64 bits; ``isdigit`` accepts any script."""
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
