"""Describe a release as plain values for people and scripts."""

from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.card.card_facts import note_instructions
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import read_all_instructions, read_parquet, splits_of
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.transforms.compose.stats import count_images, count_labels, count_tasks, note_splits
from medmultipoints.transforms.splits.official import in_order, note_official


@reads_release
def describe_release(folder: Path) -> dict[str, Any]:
    """Return name, version, root, splits, labels, counts, licences, sources and accounting of a release folder.

    DataError if the folder is not a release or a file of it cannot be read; hashes are not checked here.
    """
    manifest = read_manifest(folder)
    images = read_parquet(folder, manifest, "images")
    records = read_parquet(folder, manifest, "data")
    instructions = read_all_instructions(folder, manifest)
    return {
        "name": manifest.name,
        "version": manifest.version,
        "release_date": manifest.release_date,
        "manifest_root": manifest.manifest_root,
        "logical_digest": manifest.logical_digest,
        "files": len(manifest.files),
        "bytes": sum(file.bytes for file in manifest.files),
        "splits": in_order(splits_of(manifest)),
        "images": images.height,
        "records": records.height,
        "objects": int(records["count"].sum()),
        "instructions": instructions.height,
        "licences": images["licence"].unique().sort().to_list(),
        "notes": _notes(manifest, images, instructions),
        "by_label": count_labels(records).to_dicts(),
        "by_source": count_images(images).to_dicts(),
        "by_task": count_tasks(instructions).to_dicts(),
        "sources": [{"name": source.name, "known": source.known} for source in manifest.sources],
        "accounting": [stage.model_dump(by_alias=True) for stage in manifest.accounting],
    }


def _notes(manifest: Manifest, images: pl.DataFrame, instructions: pl.DataFrame) -> list[str]:
    """Return what is unusual about the splits and tasks of a release."""
    splits = manifest.recipe.get("splits", {})
    return [
        *note_official(images, honoured=splits.get("honour_official", False)),
        *note_splits(images, splits.get("fractions", ())),
        *note_instructions(instructions, manifest.recipe, manifest.accounting),
    ]
