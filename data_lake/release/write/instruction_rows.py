"""Write the instructions of a release as Parquet, one row per prompt: the config that the Hub shows.

Trainers read the JSONL files of the same rows; ``check_both_formats`` proves that both are equal.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.read.released_tables import read_parquet, splits_of, table_files
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.jsonl import in_order
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.parquet import write_parts
from medmultipoints.transforms.columns.tables import Column, Table, load_table, released_schema
from medmultipoints.transforms.diff.releases import INSTRUCTION_COLUMNS

TABLE = "instructions"


def released_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns in the released files of a table: all, except that instructions have those of their JSONL."""
    if table.name != TABLE:
        return table.columns
    return tuple(table.column(name) for name in INSTRUCTION_COLUMNS)


def write_instruction_rows(path: Path, parts: Iterable[pl.DataFrame], *, name: str) -> FileEntry:
    """Write a Parquet file with the rows of one split, given in parts that follow each other; return its entry."""
    rows = (part.select(INSTRUCTION_COLUMNS) for part in in_order(parts))
    return write_parts(path, rows, released_schema(released_columns(load_table(TABLE))), name=name)


def check_both_formats(folder: Path, manifest: Manifest, instructions: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for every split whose Parquet and JSONL differ in ``instructions``."""
    for split in splits_of(manifest):
        paths = table_files(manifest, TABLE, split)
        parquet = [path for path in paths if path.endswith(".parquet")]
        if not paths:
            continue
        if len(parquet) in (0, len(paths)):
            yield f"{split}: instructions are there as {'JSONL' if not parquet else 'Parquet'} only"
            continue
        lines = instructions.filter(pl.col("split") == split).sort("instruction_id")
        rows = read_parquet(folder, manifest, TABLE, split).sort("instruction_id")
        if not rows.equals(lines):
            yield f"{split}: instructions/{split}.jsonl and its Parquet files hold different instructions"
