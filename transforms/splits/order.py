"""Listing order of splits: train, validation, test, then others by name."""

from collections.abc import Iterable
from typing import Final

import polars as pl

FIRST: Final = ("train", "validation", "test")


def in_order(splits: Iterable[str]) -> list[str]:
    """Return the distinct names in listing order."""
    return sorted(set(splits), key=order_of)


def order_of(split: str) -> tuple[int, str]:
    """Return the sort key of a name."""
    return FIRST.index(split) if split in FIRST else len(FIRST), split


def split_rank() -> pl.Expr:
    """Return the rank of the column ``split`` in listing order; other names share one rank, to be sorted by name."""
    return pl.col("split").replace_strict({name: n for n, name in enumerate(FIRST)}, default=len(FIRST))
