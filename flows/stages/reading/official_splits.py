"""Check the authors' splits that a recipe follows: each needs a split of the recipe."""

import polars as pl

from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.splits.official import count_official, missing_places


def check_official(recipe: Recipe, samples: pl.DataFrame) -> None:
    """Raise UsageError if the recipe follows official splits but its fractions lack one of them."""
    missing = missing_places(samples, recipe.splits.fractions) if recipe.splits.honour_official else []
    if missing:
        shares = ", ".join(f"{split} = {share:g}" for split, share in recipe.splits.fractions.items())
        raise UsageError(
            f"splits.honour_official: the sources have the official splits {count_official(samples)}, and fractions "
            f"({shares}) has no split for {' nor for '.join(missing)}. Give fractions a split of that name, or leave "
            "out honour_official."
        )
