"""Tables and columns, declared once in ``tables/*.toml``; schemas, suites and the data dictionary derive from here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
import pyarrow as pa

from medmultipoints.transforms.columns.declarations import (
    Check,
    Column,
    DeclarationError,
    Parameter,
    Rule,
    Table,
    parse_table,
)

__all__ = ["Check", "Column", "DeclarationError", "Parameter", "Rule", "Table", "parse_table"]
__all__ += ["arrow_schema", "conform", "empty_frame", "polars_schema", "released_schema"]
__all__ += ["column_names", "load_table", "schema_of", "suite_name", "table_names"]

TABLES = files("medmultipoints.transforms.columns").joinpath("tables")
VARIANTS: Mapping[str, tuple[str, ...]] = {"records": ("published",)}
"""Box policies other than ``audited`` under which a table has a suite of its own."""

CLASS = "class"
"""The tag of columns that number the labels of a release."""

_SCALARS: Mapping[str, tuple[type[pl.DataType], pa.DataType]] = {
    "string": (pl.String, pa.string()),
    "int32": (pl.Int32, pa.int32()),
    "int64": (pl.Int64, pa.int64()),
    "float32": (pl.Float32, pa.float32()),
    "float64": (pl.Float64, pa.float64()),
    "bool": (pl.Boolean, pa.bool_()),
}


def table_names() -> tuple[str, ...]:
    """Return the names of all declared tables, sorted."""
    names = (entry.name for entry in TABLES.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_table(name: str) -> Table:
    """Return the declared table of that name. Raises DeclarationError for an unknown name or a wrong declaration."""
    if name not in table_names():
        raise DeclarationError(f"no table {name!r} is declared. Declared are: {', '.join(table_names())}")
    return parse_table(name, TABLES.joinpath(f"{name}.toml").read_text("utf-8"))


def suite_name(table: str, variant: str | None = None) -> str:
    """Return the name of the suite that holds for a table under a box policy.

    Tables without a variant have one suite.
    """
    known = {"audited", *(name for names in VARIANTS.values() for name in names)}
    if variant is not None and variant not in known:
        raise DeclarationError(f"{table}: no variant {variant!r}. Known are: {', '.join(sorted(known))}")
    return f"{table}_{variant}" if variant in VARIANTS.get(table, ()) else table


def column_names(table: str, tag: str | None = None) -> tuple[str, ...]:
    """Return the names of a table's columns in declared order; where a tag is given, of the columns that bear it.

    Raises DeclarationError for a tag that no column bears.
    """
    names = tuple(column.name for column in load_table(table).columns if tag is None or tag in column.tags)
    if not names:
        raise DeclarationError(f"{table}.toml: no column has the tag {tag!r}")
    return names


def schema_of(table: str) -> dict[str, pl.DataType]:
    """Return the polars type of each column but images of the table of that name, in declared order."""
    return polars_schema(load_table(table))


def polars_schema(table: Table, *, images: bool = False) -> dict[str, pl.DataType]:
    """Return the polars type of each column in declared order; image columns only where asked for."""
    return {column.name: _polars_type(column) for column in table.columns if images or column.type != "image"}


def _polars_type(column: Column) -> pl.DataType:
    if column.type == "image":
        return pl.Struct({"bytes": pl.Binary(), "path": pl.String()})
    dtype: pl.DataType = _SCALARS[column.scalar][0]()
    for _ in range(column.depth):
        dtype = pl.List(dtype)
    return dtype


def arrow_schema(table: Table, *, images: bool = True) -> pa.Schema:
    """Return the Arrow schema that the table's ``datasets.Features`` have, without their metadata.

    Every field is nullable there, so it is here; the suite checks that values are given.
    """
    return _fields(column for column in table.columns if images or column.type != "image")


def _fields(columns: Iterable[Column]) -> pa.Schema:
    return pa.schema([(column.name, _arrow_type(column)) for column in columns])


def _arrow_type(column: Column) -> pa.DataType:
    if column.type == "image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    dtype = _SCALARS[column.scalar][1]
    for _ in range(column.depth):
        dtype = pa.list_(dtype)
    return dtype


def released_schema(columns: Iterable[Column], classes: Sequence[str] = ()) -> pa.Schema:
    """Return the Arrow schema of released columns, with the metadata by which ``load_dataset`` knows pictures.

    ``classes`` are the names that a column of class numbers counts through; without any it holds plain numbers.
    Equal to that of ``datasets.Features``, which a test proves; made here because to import datasets takes most of
    a second of every build.
    """
    chosen = tuple(columns)
    metadata = json.dumps({"info": {"features": {column.name: _feature(column, classes) for column in chosen}}})
    return _fields(chosen).with_metadata({"huggingface": metadata})


def _feature(column: Column, classes: Sequence[str]) -> dict[str, Any]:
    if classes and CLASS in column.tags:
        return {"names": list(classes), "_type": "ClassLabel"}
    kind: dict[str, Any] = {"_type": "Image"} if column.type == "image" else {"dtype": column.scalar, "_type": "Value"}
    for _ in range(column.depth):
        kind = {"feature": kind, "_type": "List"}
    return kind


def empty_frame(table: Table) -> pl.DataFrame:
    """Return a frame with the declared columns but the images, and no rows."""
    return pl.DataFrame(schema=polars_schema(table))


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the same rows with exactly the declared columns, in order, of the declared types, sorted by the key.

    Image columns may be absent. Rows that share a key are sorted by their other columns, so the order of the
    input never shows. Raises DeclarationError for a missing or an extra column and for values of another type.
    """
    schema = polars_schema(table, images=any(c.type == "image" and c.name in frame.columns for c in table.columns))
    missing, extra = sorted(set(schema) - set(frame.columns)), sorted(set(frame.columns) - set(schema))
    if missing or extra:
        raise DeclarationError(
            f"table {table.name}: missing columns {missing}, undeclared columns {extra}. "
            f"Declare them in transforms/columns/tables/{table.name}.toml or correct the stage that writes it"
        )
    try:
        typed = frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(f"table {table.name}: values of another type than declared: {error}") from error
    ties = [] if typed[table.key].is_unique().all() else [name for name in polars_schema(table) if name != table.key]
    return typed.sort([table.key, *ties])
