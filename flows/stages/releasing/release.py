"""Stage ``release``: write every release file that does not contain the version, content-addressed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import orjson
import polars as pl

from medmultipoints.data_lake.release.card.card_pictures import (
    EXAMPLES,
    HISTOGRAM,
    choose_examples,
    draw_examples,
    find_examples,
    histogram_png,
)
from medmultipoints.data_lake.release.export.dialect_lines import WITH_PICTURES
from medmultipoints.data_lake.release.export.dialect_tables import picture_reader, write_dialect_rows
from medmultipoints.data_lake.release.read.certificate import CERTIFICATE, certificate_bytes
from medmultipoints.data_lake.release.read.expectations import EXPECTATIONS, expectations_bytes
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, FileEntry, shard_path
from medmultipoints.data_lake.release.write.instruction_rows import write_instruction_rows
from medmultipoints.data_lake.release.write.jsonl import instructions_path, write_instructions
from medmultipoints.data_lake.release.write.parquet import write_parts, write_records_shard, write_table
from medmultipoints.data_lake.release.write.shards import Shard, plan_shards
from medmultipoints.data_lake.store.images import open_album
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import StoredObject, object_path, put_bytes, put_file, temporary_file
from medmultipoints.data_lake.store.parquet_tables import ROWS_PER_GROUP, read_table, scan_table
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import EVERY_EARLIER, Build, Inputs, Output, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.composing.as_released import label_names
from medmultipoints.flows.stages.composing.as_released import released_images as kept_as_released
from medmultipoints.transforms.columns.tables import Table, load_table, released_schema
from medmultipoints.transforms.compose.stats import count_histogram
from medmultipoints.transforms.duplicates.near import near_threshold
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.splits.joined import count_states
from medmultipoints.transforms.splits.leakage import COLUMNS, certify, find_leaks

File = tuple[FileEntry, StoredObject]
"""A file of the release, and the same as it lies in the store."""

QUARANTINE = (
    "exclusions", "corrections", "duplicates", "near_duplicates", "near_distances", "disagreements", "conventions",
    "specks", "split_changes", "joins", "redactions",
)  # fmt: skip


MADE_ASIDE = ("refused_proposals", "doubts", "next_labels", "refused_sentences")
"""What the comparison with models gives, and what is not kept of their words: released where there are rows."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A file of pictures: the records of a split from ``first`` to ``last``, by record_id."""

    path: str
    split: str
    first: str
    last: str


def release_shards(_build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return one shard per group of files, and one per file of pictures: equal work fills both cores."""
    return (*GROUPS, *planned(inputs))


def planned(inputs: Inputs) -> Mapping[str, Planned]:
    """Return the files of records by path, divided by the data alone."""
    return _plan(inputs.lake, inputs.objects["records"], inputs.objects["released_images"])


@lru_cache(1)
def _plan(lake: Lake, records: tuple[StoredObject, ...], images: tuple[StoredObject, ...]) -> Mapping[str, Planned]:
    """Return the plan, made once for all files of a release: it reads the names of all records."""
    names = read_table(lake, records, ("record_id", "split", "sample_id"))
    sizes = read_table(lake, images, ("sample_id", "stored_bytes"))
    shards = plan_shards(names.join(sizes, on="sample_id").drop("sample_id"))
    ends = ((shard.path, shard.split, shard.records["record_id"]) for shard in shards)
    return {path: Planned(path, split, ids[0], ids[-1]) for path, split, ids in ends}


def with_records(inputs: Inputs, file: Planned) -> Shard:
    """Return a planned file with the whole rows of its records; those of other files are not read."""
    within = pl.col("record_id").is_between(pl.lit(file.first), pl.lit(file.last)) & (pl.col("split") == file.split)
    rows = inputs.scan("records").filter(within).sort("record_id").collect()
    sizes = inputs.scan("released_images").select("sample_id", "stored_bytes")
    own = rows.lazy().select("sample_id").join(sizes, on="sample_id", how="left", maintain_order="left").collect()
    return Shard(file.path, file.split, rows, tuple(own["stored_bytes"].to_list()))


def release_shard(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return the finished files of one shard, with their paths in the release."""
    if shard in GROUPS:
        return _output(build, list(GROUPS[shard](build, inputs)), [])
    chosen = with_records(inputs, planned(inputs)[shard])
    schema = released_schema(load_table("records").columns, label_names(build.recipe, inputs))
    with temporary_file(build.lake) as path:
        entry = write_records_shard(path, chosen, image_reader(build, inputs), schema)
        stored = put_file(build.lake, path, chosen.records.height, known=entry.sha256)
    return _output(build, [(entry, stored)], chosen.records["record_id"].to_list())


def _table_files(build: Build, inputs: Inputs) -> Iterator[File]:
    for name, folder in (("released_images", "images"), ("objects", "objects")):
        for split, rows in _count_by_split(inputs, name).items():
            with temporary_file(build.lake) as path:
                schema, place = released_schema(load_table(name).columns), shard_path(folder, split)
                entry = write_parts(path, _of_split(inputs, name, split), schema, name=place)
                yield entry, put_file(build.lake, path, rows, known=entry.sha256)
    yield _file(build.lake, HISTOGRAM, histogram_png(count_histogram(inputs.read("records", "label", "count"))))


def _example_files(build: Build, inputs: Inputs) -> Iterator[File]:
    records, named = inputs.read("records"), build.recipe.card.examples
    readers = build.recipe.text.readers
    chosen = find_examples(records, named) or choose_examples(records, inputs.read("disagreements"), readers)
    if chosen:
        names = [record["record_id"] for record in chosen]
        objects = inputs.scan("objects").filter(pl.col("record_id").is_in(names)).collect()
        sheet = draw_examples(chosen, objects, image_reader(build, inputs))
        yield _file(build.lake, EXAMPLES, sheet)


def _instruction_files(build: Build, inputs: Inputs) -> Iterator[File]:
    """Yield both forms of the instructions of each split; only a part of the table is in memory."""
    for split, rows in _count_by_split(inputs, "instructions").items():
        with temporary_file(build.lake) as path:
            entry = write_instructions(path, _of_split(inputs, "instructions", split), name=instructions_path(split))
            yield entry, put_file(build.lake, path, known=entry.sha256)
        with temporary_file(build.lake) as path:
            name = shard_path("instructions", split)
            entry = write_instruction_rows(path, _of_split(inputs, "instructions", split), name=name)
            yield entry, put_file(build.lake, path, rows, known=entry.sha256)


def _count_by_split(inputs: Inputs, table: str) -> dict[str, int]:
    """Return the number of rows of a table in each split, by name of the split."""
    return dict(inputs.scan(table).group_by("split").len().collect(engine="streaming").sort("split").iter_rows())


def _of_split(inputs: Inputs, table: str, split: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a split in order, those of one row group of the stored table at a time."""
    for stored in inputs.objects[table]:
        part = scan_table(inputs.lake, [stored])
        for first in range(0, stored.rows, ROWS_PER_GROUP):
            yield part.slice(first, ROWS_PER_GROUP).filter(pl.col("split") == split).collect()


def _dialect_files(build: Build, inputs: Inputs) -> Iterator[File]:
    """Yield one file per dialect and split; dialects with pictures have as many as the records."""
    images = inputs.read("released_images")
    read_picture = picture_reader(images, image_reader(build, inputs))
    for (dialect,), lines in inputs.read("dialect_lines").partition_by("dialect", as_dict=True).items():
        for shard in dialect_shards(str(dialect), lines, images):
            with temporary_file(build.lake) as path:
                entry = write_dialect_rows(
                    path, shard.records, str(dialect), name=shard.path, read_picture=read_picture
                )
                yield entry, put_file(build.lake, path, shard.records.height, known=entry.sha256)


def dialect_shards(dialect: str, lines: pl.DataFrame, images: pl.DataFrame) -> Iterator[Shard]:
    """Yield the files of a dialect; each picture counts once, however many entries show it."""
    table = f"{DIALECT_PREFIX}{dialect}"
    if dialect not in WITH_PICTURES:
        yield from (Shard(shard_path(table, split), split, part, ()) for split, part in _by_split(lines))
        return
    sizes = images.select("image_sha256", "stored_bytes")
    shown = lines.with_columns(image_sha256=pl.col("record_id").str.head(64)).join(sizes, on="image_sha256")
    once = pl.when(pl.col("image_sha256").is_first_distinct()).then("stored_bytes").otherwise(0)
    yield from plan_shards(shown.with_columns(stored_bytes=once), table=table)


def _made_files(build: Build, inputs: Inputs) -> Iterator[File]:
    """Yield one file per split of each table that models made, apart from the truth; proposals hold pictures."""
    for name in ("predictions", "descriptions"):
        for split, part in _by_split(inputs.read(name)):
            yield _parquet(build.lake, part, load_table(name), shard_path(name, split))
    sizes = dict(kept_as_released(inputs).select("sample_id", "stored_bytes").collect().iter_rows())
    for split, part in _by_split(inputs.read("proposals")):
        shard = Shard(shard_path("proposals", split), split, part, tuple(sizes[name] for name in part["sample_id"]))
        with temporary_file(build.lake) as path:
            schema = released_schema(load_table("proposals").columns)
            entry = write_records_shard(path, shard, image_reader(build, inputs), schema)
            yield entry, put_file(build.lake, path, part.height, known=entry.sha256)


def _quarantine_files(build: Build, inputs: Inputs) -> Iterator[File]:
    found = (name for name in MADE_ASIDE if inputs.read(name).height)
    for name in (*QUARANTINE, *found):
        frame = _all_exclusions(inputs) if name == "exclusions" else inputs.read(name)
        yield _parquet(build.lake, frame, load_table(name), f"quarantine/{name}.parquet")
    yield _file(build.lake, EXPECTATIONS, expectations_bytes(inputs.verdicts))


def shown_thumbnails(inputs: Inputs) -> Iterator[pl.LazyFrame]:
    """Yield the thumbnails of the pictures as released, in parts: for redacted ones, those of the new file."""
    new = inputs.read("redactions", "sample_id", "thumbnail").lazy()
    yield new
    yield from (part.join(new, on="sample_id", how="anti") for part in inputs.parts("thumbnails"))


def _certificate(build: Build, inputs: Inputs) -> Iterator[File]:
    """Yield the leakage certificate; DataError if there is a leak, which no release may have."""
    chosen = build.recipe.splits.near_threshold
    threshold = near_threshold(inputs.read("near_distances")) if chosen is None else chosen
    images = inputs.scan("released_images").select(COLUMNS)
    text = count_states(images, inputs.read("readings"))
    with open_album(build.lake, shown_thumbnails(inputs)) as album:
        certificate = certify(images, album, threshold, inputs.read("joins"), text)
    leaks = find_leaks(certificate)
    if leaks:
        raise DataError(f"the splits leak: {'; '.join(leaks)}. No release is made. Please report this error.")
    yield _file(build.lake, CERTIFICATE, certificate_bytes(certificate))


GROUPS: Mapping[str, Callable[[Build, Inputs], Iterator[File]]] = {
    "leakage": _certificate,
    "instructions": _instruction_files,
    "tables": _table_files,
    "dialects": _dialect_files,
    "quarantine": _quarantine_files,
    "made": _made_files,
    "examples": _example_files,
}
"""The files of a release other than those of pictures, by what is done at once, the longest work first."""


def _all_exclusions(inputs: Inputs) -> pl.DataFrame:
    return pl.concat([inputs.read(f"{stage}.exclusions") for stage in inputs.counts]).sort("exclusion_id")


def _by_split(table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (split,), part in table.partition_by("split", as_dict=True, maintain_order=True).items():
        yield str(split), part


def _file(lake: Lake, name: str, data: bytes) -> File:
    stored = put_bytes(lake, data)
    return FileEntry(name, stored.bytes, stored.sha256), stored


def _parquet(lake: Lake, frame: pl.DataFrame, table: Table, name: str) -> File:
    with temporary_file(lake) as path:
        entry = write_table(path, frame, released_schema(table.columns), name=name)
        return entry, put_file(lake, path, frame.height, known=entry.sha256)


def _output(build: Build, files: list[File], records: list[str]) -> Output:
    rows = [[entry.path, entry.bytes, entry.sha256] for entry, _ in files]
    listing = put_bytes(build.lake, orjson.dumps(rows), durable=False)
    return Output(
        inputs=records,
        used={key: key for key in records},
        blobs={"files": tuple(stored for _, stored in files), "listing": (listing,)},
    )


def read_listing(lake: Lake, listings: tuple[StoredObject, ...]) -> list[FileEntry]:
    """Return all files of the release except card and manifest, sorted by path."""
    rows = [row for entry in listings for row in orjson.loads(object_path(lake, entry.sha256).read_bytes())]
    return sorted(FileEntry(*row) for row in rows)


def release_parameters(recipe: Recipe) -> object:
    """Return the labels, which number the classes, and what chooses examples; the tables reflect the rest."""
    return recipe.labels.model_dump() | {"examples": recipe.card.examples, "readers": recipe.text.readers}


STAGE = Stage(
    name="release",
    work=release_shard,
    shards=release_shards,
    reads=EVERY_EARLIER,
    reads_sources=True,
    blobs=("files", "listing"),
    parameters=release_parameters,
)
