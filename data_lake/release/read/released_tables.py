"""Read a release: its tables without pictures, and its pictures one row group at a time."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.data_lake.release.read.json_files import DECLARED, check_types
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, INSTRUCTIONS_FILE, PARQUET_FILE
from medmultipoints.data_lake.release.write.jsonl import read_instructions
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.release.write.parquet import IMAGE_TYPE
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.transforms.columns.tables import column_names, empty_frame, load_table, schema_of
from medmultipoints.transforms.diff.releases import INSTRUCTION_SCHEMA, Tables
from medmultipoints.transforms.errors import DataError, UsageError


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of the records table with the bytes of its picture."""

    record_id: str
    sample_id: str
    image_sha256: str
    stored_sha256: str
    width: int
    height: int
    data: bytes


PICTURE_COLUMNS = column_names("records", "picture")


def table_files(manifest: Manifest, table: str, split: str | None = None) -> tuple[str, ...]:
    """Return the paths of a table's files, sorted, for one split or all."""
    places = ((file.path, table_place(file.path)) for file in manifest.files)
    return tuple(sorted(path for path, place in places if place and place[0] == table and split in (None, place[1])))


def table_place(path: str) -> tuple[str, str] | None:
    """Return the table and the split of a file, by its name; None for files that belong to no table."""
    found = PARQUET_FILE.fullmatch(path) or INSTRUCTIONS_FILE.fullmatch(path)
    return (found["table"], found["split"]) if found else None


def dialects_in(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the dialects among the files of a release, sorted."""
    tables = {place[0] for path in paths if (place := table_place(path))}
    return tuple(sorted(name.removeprefix(DIALECT_PREFIX) for name in tables if name.startswith(DIALECT_PREFIX)))


def splits_of(manifest: Manifest) -> tuple[str, ...]:
    """Return the splits that have images, sorted."""
    places = (table_place(file.path) for file in manifest.files)
    return tuple(sorted({split for table, split in filter(None, places) if table == "images"}))


def check_split(manifest: Manifest, split: str | None) -> None:
    """Raise UsageError for a split that the release does not have; None means all splits."""
    splits = splits_of(manifest)
    if split is not None and split not in splits:
        raise UsageError(f"--split {split}: the release has no such split; it has {', '.join(splits)}.")


def read_tables(folder: Path, manifest: Manifest) -> Tables:
    """Return all tables of a release, without the pictures of the records."""
    records, objects, images = (read_parquet(folder, manifest, name) for name in ("data", "objects", "images"))
    return Tables(records, objects, images, read_all_instructions(folder, manifest), read_lines(folder, manifest))


def read_parquet(folder: Path, manifest: Manifest, table: str, split: str | None = None) -> pl.DataFrame:
    """Return the rows of a table without pictures; DataError names a file that cannot be read.

    A release without any objects has no file of objects.
    """
    paths = [path for path in table_files(manifest, table, split) if path.endswith(".parquet")]
    parts = [_read_file(own_file(folder, manifest, path), DECLARED.get(table)) for path in paths]
    if not parts and table == "objects":
        return empty_frame(load_table(table))
    if not parts:
        raise DataError(
            f"{folder}: the release has no table {table}. Its recipe makes none, or `medmultipoints verify` says "
            "what is missing."
        )
    return pl.concat(parts)


def _read_file(path: Path, declared: str | None) -> pl.DataFrame:
    with readable(path) as file:
        columns = file.schema_arrow
        names = [one.name for one in columns if one.name != "image" or not pa.types.is_struct(one.type)]
        table = pl.from_arrow(file.read(columns=names))
    if not isinstance(table, pl.DataFrame):
        raise DataError(f"{path}: has no columns.")
    if declared is not None:
        check_types(path, table, declared)
    return table


def read_all_instructions(folder: Path, manifest: Manifest, split: str | None = None) -> pl.DataFrame:
    """Return the instructions of one split or all, from their JSONL files; an empty table if there are none."""
    wanted = [path for path in table_files(manifest, "instructions", split) if path.endswith(".jsonl")]
    empty = pl.DataFrame(schema=INSTRUCTION_SCHEMA)
    return pl.concat([empty, *(read_instructions(own_file(folder, manifest, path)) for path in wanted)])


def line_id(dialect: str, instruction_id: str) -> str:
    """Return the key of an instruction in a dialect."""
    return f"{dialect}:{instruction_id}"


def read_lines(folder: Path, manifest: Manifest) -> pl.DataFrame:
    """Return the instructions of a release in all its dialects, each as the JSON of its row, sorted by key."""
    rows: list[tuple[str, ...]] = []
    for file in manifest.files:
        table, split = table_place(file.path) or ("", "")
        dialect = table.removeprefix(DIALECT_PREFIX)
        if dialect != table:
            with readable(own_file(folder, manifest, file.path)) as parquet:
                lists = _picture_lists(parquet)
                for row in parquet.read(columns=_without_bytes(parquet, lists)).to_pylist():
                    row |= {name: [one["path"] for one in row[name]] for name in lists}
                    own = row["instruction_id"], row["record_id"]
                    rows.append((line_id(dialect, own[0]), dialect, *own, split, orjson.dumps(row).decode()))
    return pl.DataFrame(rows, schema=schema_of("dialect_lines"), orient="row").sort("line_id")


def _picture_lists(file: pq.ParquetFile) -> list[str]:
    """Return the columns with lists of pictures; the lines of a dialect hold their paths."""
    return [one.name for one in file.schema_arrow if getattr(one.type, "value_type", None) == IMAGE_TYPE]


def _without_bytes(file: pq.ParquetFile, lists: list[str]) -> list[str]:
    return [f"{name}.list.element.path" if name in lists else name for name in file.schema_arrow.names]


def read_pictures(folder: Path, manifest: Manifest, split: str | None = None) -> Iterator[Picture]:
    """Yield every record with its picture, in file order; one row group is in memory at a time."""
    for path in table_files(manifest, "data", split):
        with readable(own_file(folder, manifest, path)) as file:
            for group in range(file.num_row_groups):
                yield from _pictures(file.read_row_group(group, columns=list(PICTURE_COLUMNS)))


def read_chosen_pictures(
    folder: Path, manifest: Manifest, wanted: Collection[str], split: str | None = None
) -> Iterator[Picture]:
    """Yield the pictures with these image_sha256; pictures are read only in row groups that hold one."""
    left = set(wanted)
    for path in table_files(manifest, "data", split) if left else ():
        with readable(own_file(folder, manifest, path)) as file:
            for group in range(file.num_row_groups):
                names = file.read_row_group(group, columns=["image_sha256"])["image_sha256"].to_pylist()
                if not left.isdisjoint(names):
                    found = _pictures(file.read_row_group(group, columns=list(PICTURE_COLUMNS)))
                    yield from (picture for picture in found if picture.image_sha256 in left)
                    left -= set(names)


def read_sound_pictures(folder: Path, manifest: Manifest, split: str | None = None) -> Iterator[Picture]:
    """Yield every record with its picture; DataError names the first record whose picture has another hash."""
    for picture in read_pictures(folder, manifest, split):
        if hashlib.sha256(picture.data).hexdigest() != picture.stored_sha256:
            raise DataError(f"record {picture.record_id}: its picture is damaged. Verify {folder}, and get it again.")
        yield picture


def _pictures(rows: pa.Table) -> Iterator[Picture]:
    for row in rows.to_pylist():
        (width, height), data = row["img_size"], row["image"]["bytes"]
        if not isinstance(data, bytes):
            raise TypeError(f"record {row['record_id']} has no picture")
        identity = {name: row[name] for name in ("record_id", "sample_id", "image_sha256", "stored_sha256")}
        yield Picture(**identity, width=width, height=height, data=data)


def quarantine_tables(manifest: Manifest) -> set[str]:
    """Return the names of the tables in the folder ``quarantine``."""
    places = (file.path.partition("/") for file in manifest.files)
    return {name.removesuffix(".parquet") for top, _, name in places if top == "quarantine"}


def read_quarantine(folder: Path, manifest: Manifest, name: str) -> pl.DataFrame | None:
    """Return a table of excluded inputs or findings; None if the release is older than that table."""
    path = f"quarantine/{name}.parquet"
    if name not in quarantine_tables(manifest):
        return None
    with readable(own_file(folder, manifest, path)) as file:
        found = pl.DataFrame(pl.from_arrow(file.read()))
    check_types(folder / path, found, name)
    return found


def own_file(folder: Path, manifest: Manifest, path: str) -> Path:
    """Return the path of a release file whose bytes match the binding manifest; DataError if they do not.

    A file is hashed once, unless it changes. A file that cannot be read is left to its reader to report.
    """
    place = folder / path
    if manifest.binding:
        stated = {file.sha256 for file in manifest.files if file.path == path}
        with suppress(OSError):
            if file_sha256(place) not in stated:
                raise DataError(
                    f"{place} is not the file that the manifest names. `medmultipoints verify` says what changed; "
                    "get the release again."
                )
    return place


@contextmanager
def readable(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; errors inside the with block become a DataError that names the file."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, KeyError, TypeError, ValueError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        place = f"{path.parent.name}/{path.name}"
        raise DataError(f"{place} cannot be read: {first}. Get the file again.") from error
