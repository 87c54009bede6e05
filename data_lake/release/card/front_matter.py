"""Build the front matter of README.md: metadata for the Hub, and the configs of a release."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from medmultipoints.data_lake.release.card.card_facts import CardFacts
from medmultipoints.data_lake.release.card.licences import hub_licence, licensed
from medmultipoints.data_lake.release.export.dialect_tables import dialect_schema
from medmultipoints.data_lake.release.read.released_tables import dialects_in
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, MADE, FileEntry
from medmultipoints.data_lake.release.write.instruction_rows import released_columns
from medmultipoints.data_lake.release.write.parquet import describe_features
from medmultipoints.transforms.columns.tables import Table, load_table, released_schema
from medmultipoints.transforms.splits.official import in_order

# ``datasets`` reads all configs of a folder in one format, so the config of instructions uses their Parquet files.
CONFIGS = {"records": "data", "images": "images", "objects": "objects", "instructions": "instructions"}
DECLARED = {"records": "records", "images": "released_images", "objects": "objects", "instructions": "instructions"}
ORIGIN = {"annotations_creators": ["expert-generated"], "source_datasets": ["extended"]}
"""Origin of the published sources; it is unknown for others."""
TAGS = ("medical", "counting", "pointing")
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def front_matter(facts: CardFacts) -> dict[str, Any]:
    """Return the metadata block, in the form that ``datasets`` and ``huggingface_hub`` write."""
    splits = in_order(facts.tables.images["split"])
    labels = facts.tables.records["label"].unique().sort().to_list()
    named = config_tables([file.path for file in facts.files])
    return {
        **hub_licence(licensed(facts.sources, facts.licensed_pictures)),
        "pretty_name": facts.title,
        "language": ["en"],
        "task_categories": ["object-detection", *_language_tasks(facts)],
        "tags": list(dict.fromkeys([*TAGS, *labels, *facts.curated.tags])),
        "size_categories": [next((name for limit, name in SIZES if facts.tables.records.height < limit), "n>10M")],
        **(ORIGIN if facts.from_published_sources else {}),
        "configs": [config for name in named if (config := _config(facts, name, splits))["data_files"]],
        "dataset_info": [info for name in named if (info := _dataset_info(facts, name, splits))["splits"]],
    }


def config_tables(paths: Sequence[str]) -> dict[str, str]:
    """Return the folder of each config of a release with these files: its tables, and its instructions by dialect."""
    made = {name: name for name in made_tables(paths)}
    return CONFIGS | made | {name: name for name in (DIALECT_PREFIX + dialect for dialect in dialects_in(paths))}


def made_tables(paths: Sequence[str]) -> list[str]:
    """Return the tables made by models that a release with these files contains."""
    return [name for name in MADE if any(path.startswith(f"{name}/") for path in paths)]


def declared_table(config: str) -> Table | None:
    """Return the declared table of a config; None for instructions in a dialect."""
    name = DECLARED.get(config, config)
    return load_table(name) if config in DECLARED or config in MADE else None


def _language_tasks(facts: CardFacts) -> list[str]:
    return ["image-text-to-text", "visual-question-answering"] if facts.tables.instructions.height else []


def _config(facts: CardFacts, name: str, splits: Sequence[str]) -> dict[str, Any]:
    files = [{"split": split, "path": _pattern(name, split)} for split in splits if _files_of(facts, name, split)]
    return {"config_name": name, **({"default": True} if name == "records" else {}), "data_files": files}


def _pattern(name: str, split: str) -> str:
    return f"{CONFIGS.get(name, name)}/{split}-*"


def _files_of(facts: CardFacts, name: str, split: str) -> list[FileEntry]:
    start = _pattern(name, split).removesuffix("*")
    return [file for file in facts.files if file.path.startswith(start) and file.path.endswith(".parquet")]


def _dataset_info(facts: CardFacts, name: str, splits: Sequence[str]) -> dict[str, Any]:
    rows = dict(_rows(facts, name).group_by("split").len().iter_rows())
    sizes = {split: sum(file.bytes for file in _files_of(facts, name, split)) for split in splits}
    entries = [
        {"name": split, "num_bytes": sizes[split], "num_examples": rows.get(split, 0)}
        for split in splits
        if _files_of(facts, name, split)
    ]
    total = sum(split["num_bytes"] for split in entries)
    return {
        "config_name": name,
        "features": describe_features(released_config(name, facts.classes)),
        "splits": entries,
        "download_size": total,
        "dataset_size": total,
    }


def _rows(facts: CardFacts, config: str) -> pl.DataFrame:
    if config in MADE:
        return facts.made[config]
    if config in CONFIGS:
        found: pl.DataFrame = getattr(facts.tables, config)
        return found
    return facts.tables.dialects.filter(pl.col("dialect") == config.removeprefix(DIALECT_PREFIX))


def released_config(config: str, classes: Sequence[str] = ()) -> pa.Schema:
    """Return the Arrow schema of the files of a config; ``classes`` are the names of its column of class numbers."""
    if table := declared_table(config):
        return released_schema(released_columns(table), classes)
    return dialect_schema(config.removeprefix(DIALECT_PREFIX))
