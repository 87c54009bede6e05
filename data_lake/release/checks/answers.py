"""Derive the answers and descriptions of a release again from its tables."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.prompts.object_names import release_names
from medmultipoints.data_lake.release.read.released_tables import read_parquet, table_files
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.compose.label_terms import plurals_of
from medmultipoints.transforms.descriptions.accept import judge_parts
from medmultipoints.transforms.descriptions.described_scenes import DescribedScene, described_scenes
from medmultipoints.transforms.descriptions.replies import Said
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.check import check_instructions

ELSEWHERE = "a label that the recipe leaves out"

TABLE = "descriptions"


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


def has_descriptions(manifest: Manifest) -> bool:
    """Return whether a release has the table of descriptions."""
    return bool(table_files(manifest, TABLE))


def check_descriptions(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[str]:
    """Yield a sentence for every accepted one whose verdict or regions differ from those that the tables give."""
    rows = {row["image_sha256"]: row for row in read_parquet(folder, manifest, TABLE).iter_rows(named=True)}
    names = release_names(tables.records, tables.images, plurals_of(manifest.recipe))
    policy = box_policy(manifest.recipe)
    for one in described_scenes(tables.records, tables.objects, tables.images, names, policy, set(rows)):
        yield from _differences(rows.pop(one.scene.image_sha256), one)
    yield from (f"image {name}: it has a description, but is not in the release" for name in sorted(rows))


def _differences(row: dict[str, Any], one: DescribedScene) -> Iterator[str]:
    said = [Said(part, text) for part, text in zip(row["parts"], row["sentences"], strict=True)]
    judged = judge_parts(said, one.picture, one.vocabulary)
    for found, verdict, regions in zip(judged, row["verdicts"], row["regions"], strict=True):
        ids = [one.scene.objects[place].object_id for place in found.objects]
        if found.verdict == "false" or (found.verdict, ids) != (verdict, regions):
            yield f"{one.scene.sample_id}: {found.text!r} is {found.verdict} of {ids}, the release says {verdict}"
