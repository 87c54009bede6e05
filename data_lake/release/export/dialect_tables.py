"""Write the instructions of a release in trainers' dialects as tables: one dataset config per dialect."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
import pyarrow as pa

from medmultipoints.data_lake.release.export.dialect_lines import (
    FORMS,
    PICTURES,
    STAGE,
    WITH_PICTURES,
    LeftOut,
    left_out_reason,
    translate,
)
from medmultipoints.data_lake.release.export.pictures import crops_among, cut_crops
from medmultipoints.data_lake.release.read.json_files import recipe_value
from medmultipoints.data_lake.release.read.released_tables import read_chosen_pictures, readable, table_files
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, FileEntry
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.parquet import IMAGE_BYTES_PER_GROUP, IMAGE_TYPE, parquet_file, write_table
from medmultipoints.transforms.dialects.layouts.rendering import cut_crop
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.crops import read_crop
from medmultipoints.transforms.pictures.decode import decode_image

GROUP_ROWS: Final = 2_000
CACHED: Final = 16
"""Pictures that are kept for the next rows, which show them too."""


def write_dialect_rows(
    path: Path, lines: pl.DataFrame, dialect: str, *, name: str, read_picture: Callable[[str], bytes]
) -> FileEntry:
    """Write a Parquet file with the lines of one dialect and split, sorted by instruction_id; return its entry.

    ``read_picture`` returns the picture at a path ``images/NAME``, for dialects whose table holds pictures.
    """
    schema = dialect_schema(dialect)
    rows = (orjson.loads(line) for line in lines.sort("instruction_id")["line"])
    if dialect not in WITH_PICTURES:
        return write_table(path, pa.Table.from_pylist(list(rows), schema=schema), schema, name=name)
    with parquet_file(path, schema) as (sink, writer):
        for group in _with_pictures(rows, lru_cache(CACHED)(read_picture)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=len(group))
    return sink.entry(name)


def _with_pictures(rows: Iterable[dict[str, Any]], read: Callable[[str], bytes]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows with pictures instead of paths, in groups that fit in memory."""
    group: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        pictures = [{"bytes": read(path), "path": path} for path in row[PICTURES]]
        size = sum(len(one["bytes"]) for one in pictures)
        if group and (len(group) == GROUP_ROWS or held + size > IMAGE_BYTES_PER_GROUP):
            yield group
            group, held = [], 0
        group.append(row | {PICTURES: pictures})
        held += size
    if group:
        yield group


def picture_reader(images: pl.DataFrame, read: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Return a reader of pictures and crops at paths ``images/NAME``; ``read`` returns a released image by its id.

    DataError for a path that names no image of the table.
    """
    by_path = dict(images.select("image_file", "sample_id").iter_rows())
    by_hash = dict(images.select("image_sha256", "sample_id").iter_rows())

    def read_path(path: str) -> bytes:
        crop = read_crop(path)
        name = by_hash.get(crop.image_sha256) if crop else by_path.get(path)
        if name is None:
            raise DataError(f"{path}: the release has no such picture; build it again.")
        return cut_crop(decode_image(read(name)).pixels, crop) if crop else read(name)

    return read_path


def dialect_schema(dialect: str) -> pa.Schema:
    """Return the Arrow schema of a dialect's table, with the metadata that marks pictures for ``load_dataset``."""
    columns = FORMS[dialect].columns
    schema = pa.schema([(name, _arrow_type(kind)) for name, kind in columns.items()])
    if dialect not in WITH_PICTURES:
        return schema
    schema = schema.set(schema.get_field_index(PICTURES), pa.field(PICTURES, pa.list_(IMAGE_TYPE)))
    known = {name: _feature(kind) for name, kind in columns.items()}
    known[PICTURES] = {"feature": {"_type": "Image"}, "_type": "List"}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": known}})})


def _feature(kind: Any) -> Any:
    if isinstance(kind, pl.List):
        return {"feature": _feature(kind.inner), "_type": "List"}
    if isinstance(kind, pl.Struct):
        return {field.name: _feature(field.dtype) for field in kind.fields}
    return {"dtype": str(_arrow_type(kind)), "_type": "Value"}


def _arrow_type(kind: Any) -> pa.DataType:
    if isinstance(kind, pl.List):
        return pa.list_(_arrow_type(kind.inner))
    if isinstance(kind, pl.Struct):
        return pa.struct([(field.name, _arrow_type(field.dtype)) for field in kind.fields])
    return {pl.String(): pa.string(), pl.Float64(): pa.float64(), pl.Int64(): pa.int64()}[kind]


def check_dialects(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[str]:
    """Yield a sentence for every entry that differs, byte for byte, from its instruction in the dialect."""
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


def check_shown(folder: Path, manifest: Manifest, images: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for every picture in a dialect's table that is neither the released one nor its crop."""
    stored = dict(images.select("image_file", "stored_sha256").iter_rows())
    for dialect in sorted(WITH_PICTURES):
        for path in table_files(manifest, DIALECT_PREFIX + dialect):
            crops: dict[str, bytes] = {}
            with readable(folder / path) as file:
                for group in range(file.num_row_groups):
                    for row in file.read_row_group(group, columns=[PICTURES])[PICTURES].to_pylist():
                        for one in row:
                            if read_crop(one["path"]):
                                crops[one["path"]] = one["bytes"]
                            elif hashlib.sha256(one["bytes"]).hexdigest() != stored.get(one["path"]):
                                yield f"{path}: {one['path']} is not the released picture"
            yield from _wrong_crops(folder, manifest, path, crops)


def _wrong_crops(folder: Path, manifest: Manifest, path: str, crops: Mapping[str, bytes]) -> Iterator[str]:
    by_picture = crops_among(crops)
    cut: dict[str, bytes] = {}
    for picture in read_chosen_pictures(folder, manifest, set(by_picture)):
        cut |= dict(cut_crops(picture, by_picture))
    yield from (f"{path}: {name} is not cut from its picture" for name in sorted(crops) if cut.get(name) != crops[name])


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
        yield f"{STAGE} rows: {rows:,} in the accounting, {made.height:,} in the tables"
