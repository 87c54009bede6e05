"""Load the tables declared in ``tables/*.toml`` and derive their schemas."""

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
"""Box policies other than ``audited`` that have their own suite, by table."""

CLASS = "class"
"""Tag of columns that hold class numbers."""

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
    """Return a declared table by name. Raise DeclarationError for an unknown name or a wrong declaration."""
    if name not in table_names():
        raise DeclarationError(f"no table {name!r} is declared. Declared are: {', '.join(table_names())}")
    return parse_table(name, TABLES.joinpath(f"{name}.toml").read_text("utf-8"))


def suite_name(table: str, variant: str | None = None) -> str:
    """Return the name of a table's suite under a box policy."""
    known = {"audited", *(name for names in VARIANTS.values() for name in names)}
    if variant is not None and variant not in known:
        raise DeclarationError(f"{table}: no variant {variant!r}. Known are: {', '.join(sorted(known))}")
    return f"{table}_{variant}" if variant in VARIANTS.get(table, ()) else table


def column_names(table: str, tag: str | None = None) -> tuple[str, ...]:
    """Return the names of a table's columns in declared order; with ``tag``, only the columns with that tag.

    Raises DeclarationError if no column has the tag.
    """
    names = tuple(column.name for column in load_table(table).columns if tag is None or tag in column.tags)
    if not names:
        raise DeclarationError(f"{table}.toml: no column has the tag {tag!r}")
    return names


def schema_of(table: str) -> dict[str, pl.DataType]:
    """Return the polars types of a table's columns by name, in declared order, without images."""
    return polars_schema(load_table(table))


def polars_schema(table: Table, *, images: bool = False) -> dict[str, pl.DataType]:
    """Return the polars types of the columns by name, in declared order; image columns only with ``images``."""
    return {column.name: _polars_type(column) for column in table.columns if images or column.type != "image"}


def _polars_type(column: Column) -> pl.DataType:
    if column.type == "image":
        return pl.Struct({"bytes": pl.Binary(), "path": pl.String()})
    dtype: pl.DataType = _SCALARS[column.scalar][0]()
    for _ in range(column.depth):
        dtype = pl.List(dtype)
    return dtype


def arrow_schema(table: Table, *, images: bool = True) -> pa.Schema:
    """Return the Arrow schema of the table, equal to that of its ``datasets.Features`` without metadata.

    Every field is nullable, as in ``datasets``; the suite checks for nulls.
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
    """Return the Arrow schema of released columns, with the metadata that ``load_dataset`` needs for pictures.

    ``classes``: names of the class numbers; if empty, class columns are plain numbers. Equal to the schema of
    ``datasets.Features``, which is not imported because that takes most of a second.
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
    """Return a frame without rows, with the declared columns except images."""
    return pl.DataFrame(schema=polars_schema(table))


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the rows with exactly the declared columns and types, in declared order, sorted by the key.

    Image columns may be absent. Rows with the same key are sorted by their other columns, so the result does not depend
    on the input order. Raises DeclarationError for missing or extra columns and for values of another type.
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
