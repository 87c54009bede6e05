"""Read pictures from rows of Parquet files, as in data sets of the Hugging Face Hub."""

import io
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.transforms.pictures.decode import ImageProblem, refusing

_ERRORS = (pa.ArrowException, OSError, ValueError)


@lru_cache(maxsize=2)
def open_table(data: bytes, name: str) -> pq.ParquetFile:
    """Return the Parquet table of a file. Raise ImageProblem if it is damaged, such as by names that are not UTF-8."""
    with refusing("unreadable_image", f"{name} cannot be read as Parquet", *_ERRORS):
        return pq.ParquetFile(io.BytesIO(data))


def picture_column(schema: pa.Schema) -> str | None:
    """Return the first column of pictures, a struct of bytes and path or else plain bytes, or None."""
    for column in schema:
        if pa.types.is_struct(column.type) and "bytes" in {part.name for part in column.type}:
            return str(column.name)
    return next((str(column.name) for column in schema if pa.types.is_binary(column.type)), None)


def picture_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Return all picture columns that are structs of bytes and path."""
    structs = [column for column in schema if pa.types.is_struct(column.type)]
    return tuple(str(column.name) for column in structs if "bytes" in {part.name for part in column.type})


def row_picture(data: bytes, name: str, row: int, column: str | None = None) -> bytes:
    """Return the picture's bytes in a row (from 0) and a column. Raise ImageProblem if the cell is empty."""
    table = open_table(data, name)
    column = column or picture_column(table.schema_arrow)
    start = 0
    for group in range(table.num_row_groups):
        count = table.metadata.row_group(group).num_rows
        if column is not None and row < start + count:
            held: Any = _group(data, name, group, column)[row - start]
            found = held.get("bytes") if isinstance(held, dict) else held
            if isinstance(found, bytes) and found:
                return found
            break
        start += count
    raise ImageProblem("plane_missing", f"{name} contains no picture in row {row}")


@lru_cache(maxsize=2)
def _group(data: bytes, name: str, group: int, column: str) -> list[Any]:
    with refusing("unreadable_image", f"{name}: its rows cannot be read", *_ERRORS):
        return list(open_table(data, name).read_row_group(group, columns=[column])[column].to_pylist())
