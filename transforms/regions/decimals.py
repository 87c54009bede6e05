"""Numbers in text files as plain decimals: ``float`` also takes ``0.1_25``, ``infinity`` and other scripts' digits."""

import re
from typing import Final

DECIMAL: Final = r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
"""The pattern of one number, without a group that captures; it never goes back, so its time grows with the text."""
_DECIMAL: Final = re.compile(DECIMAL)
MOST_DIGITS: Final = 18
"""Longer whole numbers pass 64 bits; from 4,300 digits on ``int`` refuses them."""


def parse_decimal(text: str) -> float:
    """Return the number that a text gives in ASCII digits; ValueError for anything else."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number")
    return float(text)


def is_whole(text: str) -> bool:
    """Return whether a text is a whole number in ASCII digits that fits 64 bits; ``isdigit`` takes any script."""
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
