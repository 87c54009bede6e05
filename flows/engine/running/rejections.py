"""Check how many inputs a stage rejects: the recipe's limit stops a build, the limit of a refresh a publication.

Neither limit is part of a key: they decide whether results may be used, not the results.
"""

from collections.abc import Mapping

import polars as pl

from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.explained import explained_exclusions


def share_rejected(counts: Mapping[str, int]) -> float:
    """Return the share of a stage's inputs that it rejected."""
    return counts.get("rejected", 0) / max(counts.get("in", 0), 1)


def sentence(stage: str, counts: Mapping[str, int]) -> str:
    """Return the rejection rate of the stage as a sentence."""
    share = f"{counts['rejected']} of {counts['in']} inputs are rejected"
    return f"{stage}: {share} ({share_rejected(counts):.1%})"


def most_often(exclusions: pl.LazyFrame) -> str:
    """Return the most frequent rejection reason, with an example."""
    rejected = exclusions.filter(pl.col("verdict") == "rejected").collect()
    reason, times = _most_frequent(rejected)
    example = rejected.filter(pl.col("reason") == reason).sort("key").row(0, named=True)
    return f"Most often: {reason} ({times}), for example {example['key']}: {example['detail']}."


def _most_frequent(rejected: pl.DataFrame) -> tuple[str, int]:
    """Return the most frequent reason and how often it occurs."""
    counted = rejected.group_by("reason").len("times").sort("times", "reason", descending=[True, False])
    reason, times = counted.row(0)
    return str(reason), int(times)


def _what_helps(exclusions: pl.LazyFrame) -> str:
    """Return the remedy of the most frequent reason; raising the limit gives the inputs up."""
    reason, _ = _most_frequent(exclusions.filter(pl.col("verdict") == "rejected").collect())
    remedy = next((words[reason].remedy for words in explained_exclusions().values() if reason in words), "")
    if not remedy or remedy == "nothing":
        return "Correct the source, or raise the limit in the recipe."
    return f"What helps: {remedy}. A higher limit builds without these inputs."


def nothing_left(stage: str, exclusions: pl.LazyFrame | None) -> str:
    """Return the error message for a stage without remaining inputs."""
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
            f"(validation.max_rejected_fraction). {most_often(exclusions)} {_what_helps(exclusions)}"
        )
