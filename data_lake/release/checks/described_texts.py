"""Check every accepted sentence of a model's descriptions against the tables of the release."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.prompt_assets import release_names
from medmultipoints.data_lake.release.checks.answers import box_policy
from medmultipoints.data_lake.release.read.released_tables import read_parquet, table_files
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.compose.label_terms import plurals_of
from medmultipoints.transforms.descriptions.accept import judge_parts
from medmultipoints.transforms.descriptions.described_scenes import DescribedScene, described_scenes
from medmultipoints.transforms.descriptions.replies import Said
from medmultipoints.transforms.diff.releases import Tables

TABLE = "descriptions"


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
