"""The instructions of a release in dialects of trainers, as tables: one config of the dataset for each dialect."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from medmultipoints.data_lake.release.export.dialect_lines import FORMS, STAGE, LeftOut, left_out_reason, translate
from medmultipoints.data_lake.release.read.json_files import recipe_value
from medmultipoints.data_lake.release.read.released_tables import readable, table_files
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, FileEntry
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.parquet import write_table
from medmultipoints.transforms.diff.releases import Tables


def write_dialect_rows(path: Path, lines: pl.DataFrame, dialect: str, *, name: str) -> FileEntry:
    """Return the entry of a Parquet file with the lines of one dialect and split, sorted by instruction_id."""
    schema = dialect_schema(dialect)
    rows = [orjson.loads(line) for line in lines.sort("instruction_id")["line"]]
    return write_table(path, pa.Table.from_pylist(rows, schema=schema), schema, name=name)


def dialect_schema(dialect: str) -> pa.Schema:
    """Return the Arrow schema of a dialect's table."""
    columns = FORMS[dialect].columns
    return pa.schema([(name, _arrow_type(kind)) for name, kind in columns.items()])


def _arrow_type(kind: Any) -> pa.DataType:
    if isinstance(kind, pl.List):
        return pa.list_(_arrow_type(kind.inner))
    if isinstance(kind, pl.Struct):
        return pa.struct([(field.name, _arrow_type(field.dtype)) for field in kind.fields])
    return {pl.String(): pa.string(), pl.Float64(): pa.float64(), pl.Int64(): pa.int64()}[kind]


def check_dialects(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[str]:
    """Yield a sentence for every entry that is not what its dialect makes of the instruction, byte for byte."""
    asked = recipe_value(manifest, list, "instructions", "dialects") or []
    for name in sorted({*asked, *tables.dialects["dialect"]}):
        if name not in FORMS:
            yield f"{name}: no dialect of conversations has that name"
            return
        yield from _wrong_columns(folder, manifest, name)
    made, left_out = translate(tables.instructions, tables.images, tables.records, asked)
    yield from _wrong_lines(made, tables.dialects)
    yield from _wrong_counts(manifest, made, left_out)


def _wrong_columns(folder: Path, manifest: Manifest, dialect: str) -> Iterator[str]:
    for path in table_files(manifest, DIALECT_PREFIX + dialect):
        with readable(folder / path) as file:
            if not file.schema_arrow.equals(dialect_schema(dialect)):
                yield f"{path}: its columns are not those of the dialect"


def _wrong_lines(made: pl.DataFrame, found: pl.DataFrame) -> Iterator[str]:
    twice = found.filter(pl.col("line_id").is_duplicated())["line_id"]
    yield from (f"{key}: the entry occurs twice" for key in twice.unique().sort())
    both = made.join(found, on="line_id", how="full", suffix="|found", coalesce=True).sort("line_id")
    wrong = [pl.col(name).ne_missing(pl.col(f"{name}|found")) for name in ("line", "split")]
    for key, line, other in both.filter(pl.any_horizontal(wrong)).select("line_id", "line", "line|found").iter_rows():
        problem = "missing" if other is None else "too much" if line is None else "not what its instruction gives"
        yield f"{key}: the entry is {problem}"


def _wrong_counts(manifest: Manifest, made: pl.DataFrame, left_out: Iterable[LeftOut]) -> Iterator[str]:
    found = Counter(left_out_reason(one.dialect) for one in left_out)
    stages = [stage for stage in manifest.accounting if stage.name == STAGE]
    stated = {reason.reason: reason.count for stage in stages for reason in stage.reasons}
    for reason in sorted(found.keys() | stated.keys()):
        if found[reason] != stated.get(reason, 0):
            yield f"{reason}: {found[reason]:,} instructions, {stated.get(reason, 0):,} in the accounting"
    rows = sum(stage.rows for stage in stages)
    if rows != made.height:
        yield f"{STAGE} rows: {rows:,} in the accounting, {made.height:,} entries"
