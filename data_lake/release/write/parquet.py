"""Write canonical Parquet: the same bytes with any number of threads, and images for ``load_dataset``.

Image bytes are stored without compression (they are already compressed), other columns as zstd with a dictionary. Both
use content-defined chunks, so that a changed row changes little of the file. No time, host or path is written.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.data_lake.release.write.files import FileEntry, HashingFile, image_extension
from medmultipoints.data_lake.release.write.shards import Shard
from medmultipoints.transforms.errors import DataError

# The values of datasets 5.2; fixed here because they affect the released bytes.
CHUNKING = {"min_chunk_size": 262_144, "max_chunk_size": 1_048_576, "norm_level": 0}
TABLE_ROWS_PER_GROUP = 10_000
IMAGE_ROWS_PER_GROUP = 100
IMAGE_BYTES_PER_GROUP = 100_000_000
IDENTITY = ("sample_id", "image_sha256", "stored_sha256")
IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_table(
    path: Path,
    table: pl.DataFrame | pa.Table,
    schema: pa.Schema,
    *,
    rows_per_group: int = TABLE_ROWS_PER_GROUP,
    name: str | None = None,
) -> FileEntry:
    """Write a Parquet file with these rows in this order; return its entry. ``name`` is its path in the release."""
    arrow = to_arrow(table, schema)
    with parquet_file(path, schema) as (sink, writer):
        for start in range(0, arrow.num_rows, rows_per_group):
            writer.write_table(arrow.slice(start, rows_per_group), row_group_size=rows_per_group)
    return sink.entry(name or path.name)


def write_parts(path: Path, parts: Iterable[pl.DataFrame], schema: pa.Schema, *, name: str) -> FileEntry:
    """Write the file that ``write_table`` writes of all parts together; only one part is in memory."""
    with parquet_file(path, schema) as (sink, writer):
        for group in _regroup(parts, TABLE_ROWS_PER_GROUP):
            writer.write_table(to_arrow(group.rechunk(), schema), row_group_size=TABLE_ROWS_PER_GROUP)
    return sink.entry(name)


def _regroup(parts: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of all parts, so many at a time."""
    waiting: list[pl.DataFrame] = []
    for part in parts:
        waiting.append(part)
        if sum(one.height for one in waiting) >= rows:
            joined = pl.concat(waiting)
            whole = joined.height - joined.height % rows
            yield from joined[:whole].iter_slices(rows)
            waiting = [joined[whole:]]
    if any(one.height for one in waiting):
        yield pl.concat(waiting)


def write_records_shard(
    path: Path,
    shard: Shard,
    read_image: Callable[[str], bytes],
    schema: pa.Schema,
) -> FileEntry:
    """Write one file of records with their pictures, row group by row group; return its entry.

    ``read_image`` returns the released bytes of a sample by its id. It is called in another thread, for the next row
    group while one is written, so that the pictures of two are in memory. DataError if bytes do not match the record's
    ``stored_sha256`` or are neither JPEG nor PNG.
    """
    arrow = shard.records.to_arrow(compat_level=pl.CompatLevel.oldest())
    identity = shard.records.select(IDENTITY)

    def read_group(bounds: tuple[int, int]) -> pa.Table:
        start, stop = bounds
        rows = identity.slice(start, stop - start).to_dicts()
        return to_arrow(arrow.slice(start, stop - start), schema, {"image": _image_column(rows, read_image)})

    with parquet_file(path, schema) as (sink, writer), ThreadPoolExecutor(1) as pool:
        for group in _one_ahead(pool, read_group, group_bounds(shard.sizes)):
            writer.write_table(group, row_group_size=IMAGE_ROWS_PER_GROUP)
    return sink.entry(shard.path)


def _one_ahead(
    pool: Executor, make: Callable[[tuple[int, int]], pa.Table], parts: Iterable[tuple[int, int]]
) -> Iterator[pa.Table]:
    """Yield the result for each part; the next one is computed while this one is used."""
    upcoming: Future[pa.Table] | None = None
    for part in parts:
        made, upcoming = upcoming, pool.submit(make, part)
        if made is not None:
            yield made.result()
    if upcoming is not None:
        yield upcoming.result()


def to_arrow(
    table: pl.DataFrame | pa.Table, schema: pa.Schema, columns: Mapping[str, pa.Array] | None = None
) -> pa.Table:
    """Return the rows with exactly the columns, order, types and metadata of the schema.

    ``columns`` are finished Arrow columns to add.
    """
    arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest()) if isinstance(table, pl.DataFrame) else table
    for name, column in (columns or {}).items():
        arrow = arrow.append_column(name, column)
    missing = [name for name in schema.names if name not in arrow.column_names]
    if missing:
        raise DataError(f"a table of the release lacks the columns {', '.join(missing)}; rebuild the stage before it.")
    return arrow.select(schema.names).cast(schema)


def describe_features(schema: pa.Schema | pa.StructType) -> list[dict[str, Any]]:
    """Return name and type of each column in the form of a dataset card's metadata on the Hub.

    A test proves that this equals ``datasets.Features``, whose import would take most of a second of every build.
    """
    classes = _class_names(schema)
    return [{"name": field.name, **classes.get(field.name, _feature(field.type))} for field in schema]


def _class_names(schema: pa.Schema | pa.StructType) -> dict[str, dict[str, Any]]:
    """Return the names of each column of class numbers, from the metadata of the schema."""
    metadata = getattr(schema, "metadata", None) or {}
    known = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    numbered = {name: kind["names"] for name, kind in known.items() if isinstance(kind, dict) and "names" in kind}
    return {
        name: {"dtype": {"class_label": {"names": {str(n): label for n, label in enumerate(names)}}}}
        for name, names in numbered.items()
    }


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if kind == IMAGE_TYPE:
        return {"dtype": "image"}
    if pa.types.is_struct(kind):
        return {"struct": describe_features(kind)}
    if pa.types.is_list(kind):
        inner = _feature(kind.value_type)
        return {"list": inner.get("dtype") or inner.get("struct") or inner}
    return {"dtype": {"float": "float32", "double": "float64"}.get(str(kind), str(kind))}


@contextmanager
def parquet_file(path: Path, schema: pa.Schema) -> Iterator[tuple[HashingFile, pq.ParquetWriter]]:
    """Open a writer with the project's fixed options, and the hashing file that it writes to."""
    stored, packed = _leaves(schema)
    repeated = [path for path in stored if ".list.element." in path]
    options = {
        "compression": {**dict.fromkeys(stored, "none"), **dict.fromkeys(packed, "zstd")},
        "compression_level": dict.fromkeys(packed, 3),
        "use_dictionary": [*packed, *repeated],  # rows of one group that show a picture share its bytes
        "write_statistics": packed,
        "write_page_index": True,
        "use_content_defined_chunking": CHUNKING,
    }
    if repeated:
        options["dictionary_pagesize_limit"] = 2 * IMAGE_BYTES_PER_GROUP
    with HashingFile(path) as sink, pq.ParquetWriter(sink, schema, **options) as writer:
        yield sink, writer


def _leaves(schema: pa.Schema) -> tuple[list[str], list[str]]:
    """Return paths of leaf columns: pictures, also in lists, which are stored uncompressed, and all others."""
    stored: list[str] = []
    packed: list[str] = []
    for field in schema:
        of_pictures = IMAGE_TYPE in (field.type, getattr(field.type, "value_type", None))
        (stored if of_pictures else packed).extend(_leaf_paths(field.name, field.type))
    return stored, packed


def _leaf_paths(path: str, kind: pa.DataType) -> list[str]:
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaf_paths(f"{path}.{field.name}", field.type)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _leaf_paths(f"{path}.list.element", kind.value_type)
    return [path]


def group_bounds(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and end row of each row group: at most 100 rows and 100 MB of pictures, at least one row."""
    start, total = 0, 0
    for row, size in enumerate(sizes):
        if row > start and (row - start == IMAGE_ROWS_PER_GROUP or total + size > IMAGE_BYTES_PER_GROUP):
            yield start, row
            start, total = row, 0
        total += size
    if sizes:
        yield start, len(sizes)


def _image_column(rows: Iterable[Mapping[str, str]], read_image: Callable[[str], bytes]) -> pa.Array:
    pictures: list[bytes] = []
    names: list[str] = []
    previous = ""
    for row in rows:  # records of one picture are adjacent: read it once
        if not pictures or row["sample_id"] != previous:
            data, previous = read_image(row["sample_id"]), row["sample_id"]
            name = f"{row['image_sha256']}.{check_image(data, previous, row['stored_sha256'])}"
        pictures.append(data)
        names.append(name)
    return pa.StructArray.from_arrays([pa.array(pictures, pa.binary()), pa.array(names, pa.string())], IMAGE_TYPE.names)


def check_image(data: bytes, sample_id: str, stored_sha256: str) -> str:
    """Return the file extension of a picture; DataError names a picture with another hash or format."""
    found = hashlib.sha256(data).hexdigest()
    if found != stored_sha256:
        raise DataError(
            f"image {sample_id}: its bytes hash to {found}, the record says stored_sha256 {stored_sha256}. "
            "The source changed during the build, or the record is stale: run the build again."
        )
    extension = image_extension(data)
    if extension is None:
        raise DataError(f"image {sample_id}: {len(data)} bytes that are neither JPEG nor PNG. Rebuild its shard.")
    return extension
