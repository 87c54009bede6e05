"""Score the descriptions among a model's answers, sentence by sentence, against the release's measurements."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.evaluate.score import DESCRIPTION
from medmultipoints.data_lake.prompts.object_names import release_names
from medmultipoints.data_lake.release.checks.answers import box_policy
from medmultipoints.data_lake.release.read.released_tables import read_all_instructions, read_parquet
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.claims.judge import judge_text
from medmultipoints.transforms.claims.scene_facts import picture_facts, scene_vocabulary
from medmultipoints.transforms.claims.score import GroupedScore, described_text, score_text
from medmultipoints.transforms.compose.label_terms import plurals_of
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import labels_present
from medmultipoints.transforms.instructions.scenes import Scene, gather_scenes, group_key


def score_descriptions(truth: Path, responses: Mapping[str, str], split: str | None = None) -> list[GroupedScore]:
    """Return the score of each description in ``responses``, by instruction id; none if the truth is a file."""
    if not responses or not truth.is_dir():
        return []
    manifest = read_manifest(truth)
    records, objects, images = (read_parquet(truth, manifest, name, split) for name in ("data", "objects", "images"))
    instructions = read_all_instructions(truth, manifest, split)
    return list(_scores(Tables(records, objects, images, instructions), responses, manifest.recipe))


def _scores(tables: Tables, responses: Mapping[str, str], recipe: Mapping[str, Any]) -> Iterator[GroupedScore]:
    names = release_names(tables.records, tables.images, plurals_of(recipe))
    lexicon = Lexicon(names, box_policy(recipe), labels_present(tables.records))
    labels, organs = set(tables.records["label"]), set(tables.images["organ"])
    groups = dict(tables.images.select("sample_id", "group_id").iter_rows())
    rows = _by_record(tables.instructions, responses)
    for scene in _scenes(tables, set(rows)):
        vocabulary = scene_vocabulary(scene, lexicon, organs)
        for row in (row for record in scene.records.values() for row in rows.get(record, ())):
            picture = picture_facts(scene, labels, row["object_ids"][0])
            judged = judge_text(described_text(responses[row["instruction_id"]]), picture, vocabulary)
            yield GroupedScore(groups[scene.sample_id], score_text(judged, picture), row["instruction_id"], judged)


def _by_record(instructions: pl.DataFrame, responses: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in instructions.filter(task=DESCRIPTION).iter_rows(named=True):
        if row["instruction_id"] in responses:
            found.setdefault(row["record_id"], []).append(row)
    return found


def _scenes(tables: Tables, records: set[str]) -> Iterator[Scene]:
    homes = tables.records.filter(pl.col("record_id").is_in(sorted(records))).select("sample_id").unique()
    wanted = group_key(tables.images).join(homes, on="sample_id").select("group").unique()
    for scenes in gather_scenes(tables.records, tables.objects, tables.images, only=wanted):
        yield from scenes
