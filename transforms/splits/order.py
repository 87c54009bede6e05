"""The order in which splits are listed: train, validation, test, then others by name."""

from collections.abc import Iterable
from typing import Final

import polars as pl

FIRST: Final = ("train", "validation", "test")


def in_order(splits: Iterable[str]) -> list[str]:
    """Return the different names in the order in which they are listed."""
    return sorted(set(splits), key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def split_rank() -> pl.Expr:
    """Return the place of the column ``split`` in that order; others share one, to be sorted by name next."""
    return pl.col("split").replace_strict({name: n for n, name in enumerate(FIRST)}, default=len(FIRST))
