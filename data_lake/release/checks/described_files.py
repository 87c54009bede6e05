"""Check the front matter of the card, and croissant.json, against the files of a release."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from medmultipoints.data_lake.release.checks.card_check import README
from medmultipoints.data_lake.release.checks.croissant_entries import differences, expected_entries, stated_entries
from medmultipoints.data_lake.release.read.json_files import read_object
from medmultipoints.data_lake.release.read.released_tables import readable, splits_of, table_files
from medmultipoints.data_lake.release.write.croissant import CROISSANT
from medmultipoints.data_lake.release.write.front_matter import config_tables
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.parquet import describe_features

Entries = Mapping[str, Any]


def check_described_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for each config of the card and each entry of croissant.json that contradicts the files."""
    if manifest.lists(README) and (folder / README).is_file():
        front = _front_matter(folder)
        stated = {name: _config(row) for name, row in _named(front.get("configs"), "config_name").items()}
        found = {name: _info(row) for name, row in _named(front.get("dataset_info"), "config_name").items()}
        configs, infos = _facts_by_config(folder, manifest)
        yield from differences(f"{README}: config", stated, configs)
        yield from differences(f"{README}: dataset_info of", found, infos)
    if manifest.lists(CROISSANT) and (folder / CROISSANT).is_file():
        held = read_object(folder, CROISSANT)
        yield from differences(f"{CROISSANT}:", stated_entries(held), expected_entries(folder, manifest))


def _facts_by_config(folder: Path, manifest: Manifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return, by config of the Parquet files, the file patterns by split, and the columns, rows and bytes."""
    sizes = {file.path: file.bytes for file in manifest.entries}
    configs: dict[str, Any] = {}
    infos: dict[str, Any] = {}
    for name, table in config_tables([*sizes]).items():
        for split in splits_of(manifest):
            for path in (one for one in table_files(manifest, table, split) if one.endswith(".parquet")):
                with readable(folder / path) as file:
                    rows, features = file.metadata.num_rows, describe_features(file.schema_arrow)
                configs.setdefault(name, {})[split] = f"{table}/{split}-*"
                known = infos.setdefault(name, {"features": features})
                size, number = known.get(split, (0, 0))
                known[split] = (size + sizes[path], number + rows)
    return configs, infos


def _config(row: Entries) -> dict[str, Any]:
    return {str(file.get("split")): file.get("path") for file in row.get("data_files", ())}


def _info(row: Entries) -> dict[str, Any]:
    splits = {str(one.get("name")): (one.get("num_bytes"), one.get("num_examples")) for one in row.get("splits", ())}
    return {"features": row.get("features"), **splits}


def _named(rows: Any, key: str) -> dict[str, Entries]:
    return {str(row.get(key)): row for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}


def _front_matter(folder: Path) -> Entries:
    """Return the metadata block of the card; empty if it cannot be read."""
    text = (folder / README).read_text("utf-8", errors="replace")
    held = yaml.safe_load(text[4:].partition("\n---\n")[0]) if text.startswith("---\n") else None
    return held if isinstance(held, dict) else {}
