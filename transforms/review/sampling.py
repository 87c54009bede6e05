"""Draw random records for a check by eye, and bound the error rate (one-sided, 95 %)."""

import hashlib
import math
from collections.abc import Collection, Iterable
from typing import Final

CONFIDENCE: Final = 0.95


def draw_order(names: Iterable[str], seed: int) -> list[str]:
    """Return the names in a random order (sha256 of seed and name); the first n are a random sample."""
    return sorted(names, key=lambda name: hashlib.sha256(f"check:{seed}:{name}".encode()).digest())


def most_wrong(looked_at: int, wrong: int) -> float:
    """Return the upper bound of the error rate, one-sided by Clopper and Pearson; 1 if nothing was checked.

    The bound assumes drawing with replacement, which is conservative for a finite set.
    """
    if looked_at == 0 or wrong >= looked_at:
        return 1.0
    from scipy.special import betaincinv  # imported here: it takes a quarter of a second

    return float(betaincinv(wrong + 1, looked_at - wrong, CONFIDENCE))


def check_statement(of: int, right: Collection[str], wrong: Collection[str]) -> str:
    """Return "200 of 3,000 looked at, 1 wrong: at most 2.4 %, one-sided 95 %"; the bound is rounded up."""
    looked_at, bad = len(right) + len(wrong), len(wrong)
    bound = 0.0 if looked_at == of and not bad else most_wrong(looked_at, bad)
    share = math.ceil(1000 * bound) / 10
    return f"{looked_at:,} of {of:,} looked at, {bad:,} wrong: at most {share:.1f} %, one-sided 95 %"
