"""Compute the logical digest of a release: a hash of its rows, independent of how they are stored.

It is the sha256 of this text, in UTF-8. For each of the tables records, objects, images and instructions, in
this order: one line with the JSON list ``[table, [column names, sorted]]``, then one line a row with the JSON
list of the row's values in that order of columns; rows are sorted by their key columns, as text by code points
and as numbers by value. JSON has no blanks and no escapes beyond those that JSON demands. Floats are float64
(float32 values are widened) in the shortest digits that read back to the same float64, as ``orjson`` writes
them: ``1.0``, ``0.1``, ``0.00001``, ``1e-7``, ``1e+16``. A missing value is ``null``. Lines end in a newline.

Columns about the encoding of a picture, not its content, are left out: ``image``, ``stored_sha256``,
``stored_bytes`` (a newer JPEG encoder changes both; ``image_sha256`` and ``scale`` stay). Of the instructions
the columns that their released files hold count, and the split. Where a release holds instructions in dialects, a
fifth table, dialects, follows: ``line_id`` (dialect:instruction_id), ``dialect``, ``instruction_id``, ``record_id``,
``split``, and ``line``, the row of its file as JSON in the order of the file's columns.
"""

import hashlib

import orjson
import polars as pl

from medmultipoints.transforms.diff.releases import INSTRUCTION_COLUMNS, Tables

KEYS = {
    "records": ("record_id",),
    "objects": ("record_id", "index"),
    "images": ("sample_id",),
    "instructions": ("instruction_id",),
    "dialects": ("line_id",),
}
LEFT_OUT = frozenset({"image", "stored_sha256", "stored_bytes"})
ROWS_AT_ONCE = 5_000


def logical_digest(tables: Tables) -> str:
    """Return the sha256 over the canonical rows of the tables; the order of rows and columns does not matter."""
    total = hashlib.sha256()
    for name, keys in KEYS.items():
        frame = getattr(tables, name)
        if name == "instructions":
            frame = frame.select(INSTRUCTION_COLUMNS)
        if name == "dialects" and not frame.height:
            continue
        columns = sorted(set(frame.columns) - LEFT_OUT)
        total.update(orjson.dumps([name, columns], option=orjson.OPT_APPEND_NEWLINE))
        wide = {column: _widened(frame.schema[column]) for column in columns}
        _add_rows(total, frame.sort(*keys).select(columns).cast(pl.Schema(wide)))
    return total.hexdigest()


def _add_rows(total: "hashlib._Hash", frame: pl.DataFrame) -> None:
    for chunk in frame.iter_slices(ROWS_AT_ONCE):
        total.update(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in chunk.rows()))


def _widened(kind: pl.DataType) -> pl.DataType:
    """Return the type with float64 in place of float32 at any depth."""
    if isinstance(kind, pl.List):
        return pl.List(_widened(kind.inner))  # type: ignore[arg-type]
    return pl.Float64() if kind.is_float() else kind
