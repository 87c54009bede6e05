"""How many of its inputs a stage may reject: the recipe's limit stops the build, that of a refresh the publication.

Neither limit is in a key: they decide whether results may be used, not what they are.
"""

from collections.abc import Mapping

import polars as pl

from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.errors import DataError


def share_rejected(counts: Mapping[str, int]) -> float:
    """Return the share of a stage's inputs that it rejected."""
    return counts.get("rejected", 0) / max(counts.get("in", 0), 1)


def sentence(stage: str, counts: Mapping[str, int]) -> str:
    """Return how many inputs of the stage are rejected, in words."""
    share = f"{counts['rejected']} of {counts['in']} inputs are rejected"
    return f"{stage}: {share} ({share_rejected(counts):.1%})"


def most_often(exclusions: pl.LazyFrame) -> str:
    """Return the commonest reason among the inputs that were rejected, with an example."""
    rejected = exclusions.filter(pl.col("verdict") == "rejected").collect()
    counted = rejected.group_by("reason").len("times").sort("times", "reason", descending=[True, False])
    reason, times = counted.row(0)
    example = rejected.filter(pl.col("reason") == reason).sort("key").row(0, named=True)
    return f"Most often: {reason} ({times}), for example {example['key']}: {example['detail']}."


def nothing_left(stage: str, exclusions: pl.LazyFrame | None) -> str:
    """Return the message of a stage before which every input was excluded."""
    rejected = exclusions is not None and not exclusions.filter(pl.col("verdict") == "rejected").collect().is_empty()
    why = f" {most_often(exclusions)}" if exclusions is not None and rejected else ""
    return (
        f"{stage}: nothing is left to work on: all inputs were excluded before.{why} See `medmultipoints quarantine`."
    )


def stop_if_too_many(recipe: Recipe, stage: str, counts: Mapping[str, int], exclusions: pl.LazyFrame) -> None:
    """Raise DataError if the stage rejected a larger share of its inputs than the recipe allows."""
    limit = recipe.validation.by_stage.get(stage, recipe.validation.max_rejected_fraction)
    if share_rejected(counts) > limit:
        raise DataError(
            f"{sentence(stage, counts)}, more than the {limit:.0%} that the recipe allows "
            f"(validation.max_rejected_fraction). {most_often(exclusions)} "
            "Correct the source, or raise the limit in the recipe."
        )
