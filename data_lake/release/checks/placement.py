"""Check the files of a release against their names and the accounting."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.read.json_files import check_types
from medmultipoints.data_lake.release.read.released_tables import (
    read_parquet,
    read_quarantine,
    readable,
    table_files,
    table_place,
)
from medmultipoints.data_lake.release.write.files import MADE
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.columns.tables import load_table, table_names
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.reporting.counted import plural

EXCLUSIONS = "quarantine/exclusions.parquet"


def check_placement(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for every Parquet file with rows of a split other than the one in its name."""
    for table in ("data", "images", "objects", "instructions", *MADE):
        for path in table_files(manifest, table):
            if not path.endswith(".parquet"):
                continue
            place = table_place(path)
            with readable(folder / path) as file:
                found = set(file.read(columns=["split"])["split"].unique().to_pylist())
            if place and found - {place[1]}:
                yield f"{path} holds rows of the split {', '.join(sorted(map(str, found - {place[1]})))}"


def check_classes(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for every file of records whose ``label_id`` is not the index of ``label`` among the names.

    Releases from before this column have nothing to check.
    """
    known: set[tuple[str, ...]] = set()
    for path in table_files(manifest, "data"):
        with readable(folder / path) as file:
            if "label_id" not in file.schema_arrow.names:
                continue
            stated = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]["label_id"]
            names = tuple(stated.get("names", ()))
            rows = file.read(columns=["label", "label_id"]).to_pylist()
        known.add(names)
        if list(names) != sorted(set(names)):
            yield f"{path}: the names of label_id are not sorted"
        wrong = [row for row in rows if not 0 <= row["label_id"] < len(names) or names[row["label_id"]] != row["label"]]
        if wrong:
            yield f"{path}: label_id {wrong[0]['label_id']} is not {wrong[0]['label']!r} ({plural(len(wrong), 'row')})"
    if len(known) > 1:
        yield "files of records number their labels differently"


def check_quarantine(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for every reason whose count in the manifest differs from the table of exclusions.

    DataError for a column of a quarantine table that has an undeclared type, or nulls where none are allowed.
    """
    yield from _check_tables(folder, manifest)
    if EXCLUSIONS not in {file.path for file in manifest.files}:
        yield f"{EXCLUSIONS} is not in the manifest: nothing says what was left out"
        return
    with readable(folder / EXCLUSIONS) as file:
        table = pl.DataFrame(pl.from_arrow(file.read()))
    check_types(folder / EXCLUSIONS, table, "exclusions")
    lacking = [one.name for one in load_table("exclusions").columns if one.name not in table.columns]
    if lacking:
        yield f"{EXCLUSIONS} lacks the columns {', '.join(lacking)}"
        return
    found = Counter(table.select("stage", "verdict", "reason").rows())
    stated = {
        (stage.name, reason.verdict, reason.reason): reason.count
        for stage in manifest.accounting
        for reason in stage.reasons
    }
    for key in sorted(found.keys() | stated.keys()):
        if found[key] != stated.get(key, 0):
            yield f"{' '.join(key)}: {plural(found[key], 'row')} in {EXCLUSIONS}, {stated.get(key, 0)} in the manifest"


def _check_tables(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for every file of the quarantine that is not a declared table; the others are read."""
    for file in manifest.files:
        folder_name, _, name = file.path.rpartition("/")
        if folder_name == "quarantine" and file.path != EXCLUSIONS:
            table = name.removesuffix(".parquet")
            if table not in table_names():
                yield f"{file.path} is not a table of a release"
            else:
                rows = read_quarantine(folder, manifest, table)
                yield from _wrong_values(file.path, table, rows) if rows is not None else ()
                if rows is not None and table == "disagreements":
                    yield from _wrong_findings(file.path, rows, read_parquet(folder, manifest, "images"))


def _wrong_findings(path: str, rows: pl.DataFrame, images: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each finding whose columns contradict each other or its image."""
    hashes = images.select("sample_id", released="image_sha256").unique("sample_id")
    known = rows.join(hashes, on="sample_id", how="left")
    named = pl.col("finding_id").str.starts_with(pl.format("{}:{}:", "sample_id", "kind"))
    named &= pl.col("finding_id").str.contains(r":(frame-)?[0-9]+$")
    same = pl.col("released").is_null() | pl.col("image_sha256").eq_missing(pl.col("released"))
    wrong = known.filter(~(named & same & pl.col("sample_id").eq(pl.format("{}/{}", "source", "stem"))))
    yield from (f"{path}: {one} contradicts its own image" for one in wrong["finding_id"])


def _wrong_values(path: str, table: str, rows: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each column with a repeated key or with values that its declaration does not list."""
    declared = load_table(table)
    for column in declared.columns:
        if column.name not in rows.columns or not isinstance(known := column.check.values, tuple):
            continue
        odd = rows[column.name].drop_nulls().filter(~rows[column.name].drop_nulls().is_in(list(known)))
        if not odd.is_empty():
            yield f"{path}: {odd[0]!r} is not a valid {column.name} ({plural(odd.len(), 'row')})"
    if declared.key in rows.columns and rows[declared.key].n_unique() < rows.height:
        yield f"{path}: several rows have one {declared.key}"


def check_totals(manifest: Manifest, tables: Tables) -> Iterator[str]:
    """Yield a sentence for every table whose number of rows contradicts the accounting."""
    stages = {stage.name: stage for stage in manifest.accounting}
    for name in sorted({"record", "instruct"} - stages.keys()):
        yield f"the accounting lacks the stage {name}"
        return
    record, instruct = stages["record"], stages["instruct"]
    for what, stated, rows in (
        ("record used", record.used, tables.images.height),
        ("record rows", record.rows, tables.records.height),
        ("instruct in", instruct.taken, tables.records.height),
        ("instruct rows", instruct.rows, tables.instructions.height),
    ):
        if stated != rows:
            yield f"{what}: {stated:,} in the accounting, {rows:,} in the tables"
