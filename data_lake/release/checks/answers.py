"""Derive the answers of a release again from its records."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from medmultipoints.data_lake.prompt_assets import release_names
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.check import check_instructions

ELSEWHERE = "a label that the recipe leaves out"


def check_answers(tables: Tables, recipe: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for every instruction whose prompt or answer does not follow from its record."""
    policy = box_policy(recipe)
    wrong = _wrong(tables, tables.instructions, policy)
    # An image may hold labels that the recipe leaves out, so the name for "with others" can be right, too.
    unsure = tables.instructions.filter(
        pl.col("instruction_id").is_in(wrong.filter(pl.col("reason") == "name_not_allowed")["instruction_id"].implode())
    )
    accepted = set(unsure["instruction_id"]) - set(_wrong(tables, unsure, policy, shared=True)["instruction_id"])
    for instruction_id, reason in wrong.select("instruction_id", "reason").iter_rows():
        if instruction_id not in accepted:
            yield f"{instruction_id}: {reason.replace('_', ' ')}"


def box_policy(recipe: Mapping[str, Any]) -> str:
    """Return the box policy of a release, on which label names depend; DataError if it has none."""
    policy = recipe.get("boxes", {}).get("policy")
    if not isinstance(policy, str):
        raise DataError("manifest.json is damaged: recipe.boxes.policy is missing. Get the release again.")
    return policy


def _wrong(tables: Tables, instructions: pl.DataFrame, policy: str, *, shared: bool = False) -> pl.DataFrame:
    others = dict.fromkeys(tables.records["image_sha256"], (ELSEWHERE,)) if shared else None
    names = release_names(tables.records, tables.images)
    checked = check_instructions(
        instructions, tables.records, tables.images, names, policy=policy, other_labels=others, objects=tables.objects
    )
    return checked.filter(~pl.col("ok"))
