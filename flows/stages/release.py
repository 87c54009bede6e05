"""Stage ``release``: every file of the release that does not name its version, finished and content-addressed."""

from collections.abc import Iterator

import orjson
import polars as pl

from data_lake.layout import Lake
from data_lake.release.checks import EXPECTATIONS, expectations_bytes
from data_lake.release.dialect_tables import write_dialect_rows
from data_lake.release.files import DIALECT_PREFIX, FileEntry, shard_path
from data_lake.release.histogram import HISTOGRAM, histogram_png
from data_lake.release.instruction_rows import write_instruction_rows
from data_lake.release.jsonl import instructions_path, write_instructions
from data_lake.release.leakage import CERTIFICATE, certificate_bytes
from data_lake.release.parquet import write_records_shard, write_table
from data_lake.release.shards import Shard, plan_shards
from data_lake.store import StoredObject, object_path, put_bytes, put_file, temporary_file
from expectations.columns import Table, load_table, released_schema
from flows.recipe import Recipe
from flows.stage import Build, Inputs, Output
from flows.stages.released import image_reader
from transforms.errors import DataError
from transforms.leakage import certify, find_leaks
from transforms.near_tables import near_threshold
from transforms.stats import count_histogram

QUARANTINE = (
    "exclusions", "corrections", "duplicates", "near_duplicates", "near_distances", "disagreements", "conventions",
    "specks", "split_changes",
)  # fmt: skip
EXCLUDING = (
    "index", "derive", "correct", "dedup", "near", "inspect", "audit", "split", "record", "instruct", "translate",
)  # fmt: skip


def release_shards(_build: Build, inputs: Inputs) -> tuple[str, ...]:
    """One shard a file of pictures, one for the leakage certificate, one for everything else."""
    return (*(shard.path for shard in planned(inputs)), "tables", "leakage")


def planned(inputs: Inputs) -> tuple[Shard, ...]:
    """The files of records, decided by the data alone."""
    sizes = inputs.read("released_images").select("sample_id", "stored_bytes")
    return plan_shards(inputs.read("records").join(sizes, on="sample_id"))


def release_shard(build: Build, inputs: Inputs, shard: str) -> Output:
    """The finished files of one shard, with their paths in the release."""
    if shard == "tables":
        return _output(build, list(_table_files(build, inputs)), [])
    if shard == "leakage":
        return _output(build, [_certificate(build, inputs)], [])
    chosen = next(plan for plan in planned(inputs) if plan.path == shard)
    with temporary_file(build.lake) as path:
        entry = write_records_shard(
            path, chosen, image_reader(build, inputs), released_schema(load_table("records").columns)
        )
        stored = put_file(build.lake, path, chosen.records.height)
    return _output(build, [(entry, stored)], chosen.records["record_id"].to_list())


def _table_files(build: Build, inputs: Inputs) -> Iterator[tuple[FileEntry, StoredObject]]:
    for name, folder in (("released_images", "images"), ("objects", "objects")):
        for (split,), part in inputs.read(name).partition_by("split", as_dict=True, maintain_order=True).items():
            yield _parquet(build.lake, part, load_table(name), shard_path(folder, str(split)))
    instructions = inputs.read("instructions")
    for (split,), part in instructions.partition_by("split", as_dict=True, maintain_order=True).items():
        with temporary_file(build.lake) as path:
            entry = write_instructions(path, part, name=instructions_path(str(split)))
            yield entry, put_file(build.lake, path)
        with temporary_file(build.lake) as path:
            entry = write_instruction_rows(path, part, name=shard_path("instructions", str(split)))
            yield entry, put_file(build.lake, path, part.height)
    yield from _dialect_files(build.lake, inputs.read("dialect_lines"))
    for name in QUARANTINE:
        frame = _all_exclusions(inputs) if name == "exclusions" else inputs.read(name)
        yield _parquet(build.lake, frame, load_table(name), f"quarantine/{name}.parquet")
    stored = put_bytes(build.lake, histogram_png(count_histogram(inputs.read("records"))))
    yield FileEntry(HISTOGRAM, stored.bytes, stored.sha256), stored
    stored = put_bytes(build.lake, expectations_bytes({stage: inputs.verdicts[stage] for stage in EXCLUDING}))
    yield FileEntry(EXPECTATIONS, stored.bytes, stored.sha256), stored


def _dialect_files(lake: Lake, lines: pl.DataFrame) -> Iterator[tuple[FileEntry, StoredObject]]:
    """One file for each dialect and split."""
    for (dialect, split), part in lines.partition_by("dialect", "split", as_dict=True, maintain_order=True).items():
        with temporary_file(lake) as path:
            name = shard_path(f"{DIALECT_PREFIX}{dialect}", str(split))
            yield write_dialect_rows(path, part, str(dialect), name=name), put_file(lake, path, part.height)


def _certificate(build: Build, inputs: Inputs) -> tuple[FileEntry, StoredObject]:
    """The leakage certificate; DataError where there is a leak, which no release may have."""
    chosen = build.recipe.splits.near_threshold
    threshold = near_threshold(inputs.read("near_distances")) if chosen is None else chosen
    certificate = certify(inputs.read("released_images"), inputs.read("thumbnails"), threshold)
    leaks = find_leaks(certificate)
    if leaks:
        raise DataError(f"the splits leak: {'; '.join(leaks)}. No release is made: this is a fault to report.")
    stored = put_bytes(build.lake, certificate_bytes(certificate))
    return FileEntry(CERTIFICATE, stored.bytes, stored.sha256), stored


def _all_exclusions(inputs: Inputs) -> pl.DataFrame:
    return pl.concat([inputs.read(f"{stage}.exclusions") for stage in EXCLUDING]).sort("exclusion_id")


def _parquet(lake: Lake, frame: pl.DataFrame, table: Table, name: str) -> tuple[FileEntry, StoredObject]:
    with temporary_file(lake) as path:
        entry = write_table(path, frame, released_schema(table.columns), name=name)
        return entry, put_file(lake, path, frame.height)


def _output(build: Build, files: list[tuple[FileEntry, StoredObject]], records: list[str]) -> Output:
    listing = put_bytes(build.lake, orjson.dumps([[entry.path, entry.bytes, entry.sha256] for entry, _ in files]))
    return Output(
        inputs=records,
        used={key: key for key in records},
        blobs={"files": tuple(stored for _, stored in files), "listing": (listing,)},
    )


def read_listing(lake: Lake, listings: tuple[StoredObject, ...]) -> list[FileEntry]:
    """All files of the release but card and manifest, sorted by path."""
    rows = [row for entry in listings for row in orjson.loads(object_path(lake, entry.sha256).read_bytes())]
    return sorted(FileEntry(*row) for row in rows)


def release_parameters(_recipe: Recipe) -> object:
    """Nothing of the recipe: it has had its say in the tables."""
    return None
