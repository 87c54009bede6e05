"""Canonical Parquet: same rows, same bytes; pictures come back as pictures."""

import hashlib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medmultipoints.data_lake.release.write.files import hash_file
from medmultipoints.data_lake.release.write.parquet import group_bounds, write_parts, write_records_shard, write_table
from medmultipoints.data_lake.release.write.shards import Shard, plan_shards
from medmultipoints.transforms.columns.tables import load_table, released_schema
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.tiny_tables import PICTURES

RECORDS = released_schema(load_table("records").columns)


def sized(tables: Tables) -> pl.DataFrame:
    return tables.records.join(tables.images.select("sample_id", "stored_bytes"), on="sample_id")


@pytest.fixture
def shard(tables: Tables) -> Shard:
    return next(shard for shard in plan_shards(sized(tables)) if shard.split == "train")


@pytest.fixture
def threads():
    before = pa.cpu_count()
    yield pa.set_cpu_count
    pa.set_cpu_count(before)


def test_records_have_the_same_bytes_under_one_and_two_threads(tmp_path: Path, shard: Shard, threads) -> None:
    entries = []
    for count in (1, 2):
        threads(count)
        entries.append(write_records_shard(tmp_path / str(count), shard, PICTURES.__getitem__, RECORDS))
    assert entries[0] == entries[1]


def test_a_table_has_the_same_bytes_from_polars_and_from_chunked_arrow(tmp_path: Path, tables: Tables) -> None:
    declared = released_schema(load_table("objects").columns)
    rows = tables.objects.to_arrow()
    chunked = pa.concat_tables([rows.slice(0, 2), rows.slice(2)])
    assert (
        write_table(tmp_path / "a", tables.objects, declared, name="x").sha256
        == write_table(tmp_path / "b", chunked, declared, name="x").sha256
    )


@pytest.mark.parametrize("lengths", [(25_003,), (10_000, 15_003), (1, 9_998, 0, 12_000, 3_004)])
def test_a_table_in_parts_has_the_same_bytes(tmp_path: Path, tables: Tables, lengths: tuple[int, ...]) -> None:
    """Row groups do not depend on where the parts begin."""
    declared = released_schema(load_table("objects").columns)
    rows = tables.objects.sample(25_003, with_replacement=True, seed=1)
    starts = [sum(lengths[:place]) for place in range(len(lengths))]
    parts = (rows.slice(start, length) for start, length in zip(starts, lengths, strict=True))
    assert write_parts(tmp_path / "parts", parts, declared, name="x") == write_table(
        tmp_path / "whole", rows, declared, name="x"
    )
    assert write_parts(tmp_path / "none", [], declared, name="x") == write_table(
        tmp_path / "empty", rows.clear(), declared, name="x"
    )


def test_the_hash_taken_while_writing_is_that_of_the_file(tmp_path: Path, shard: Shard) -> None:
    entry = write_records_shard(tmp_path / "f", shard, PICTURES.__getitem__, RECORDS)
    assert hash_file(tmp_path / "f", shard.path) == entry


def test_picture_bytes_are_stored_plain_and_everything_else_packed(tmp_path: Path, shard: Shard) -> None:
    write_records_shard(tmp_path / "f", shard, PICTURES.__getitem__, RECORDS)
    group = pq.ParquetFile(tmp_path / "f").metadata.row_group(0)
    columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
    image = columns.pop("image.bytes")
    assert (image.compression, "PLAIN" in image.encodings, image.has_dictionary_page) == ("UNCOMPRESSED", True, False)
    assert not image.is_stats_set and image.has_offset_index
    del columns["image.path"]
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert PICTURES["hyperkvasir/a"] in (tmp_path / "f").read_bytes()


def test_the_schema_is_the_one_that_datasets_reads(tmp_path: Path, shard: Shard) -> None:
    write_records_shard(tmp_path / "f", shard, PICTURES.__getitem__, RECORDS)
    schema = pq.read_schema(tmp_path / "f")
    assert schema.equals(RECORDS) and b'"image": {"_type": "Image"}' in schema.metadata[b"huggingface"]


def test_a_picture_with_other_bytes_than_recorded_is_named(tmp_path: Path, shard: Shard) -> None:
    with pytest.raises(DataError, match=r"image \S+/\S+: its bytes hash to .* stored_sha256"):
        write_records_shard(tmp_path / "f", shard, lambda _: b"other", RECORDS)


def test_bytes_that_are_no_picture_are_named(tmp_path: Path, shard: Shard) -> None:
    sha256 = hashlib.sha256(b"text").hexdigest()
    records = shard.records.with_columns(pl.lit(sha256).alias("stored_sha256"))
    with pytest.raises(DataError, match="neither JPEG nor PNG"):
        write_records_shard(tmp_path / "f", replace(shard, records=records), lambda _: b"text", RECORDS)


def test_a_missing_column_is_named(tmp_path: Path, tables: Tables) -> None:
    with pytest.raises(DataError, match="lacks the columns rle"):
        write_table(tmp_path / "f", tables.objects.drop("rle"), released_schema(load_table("objects").columns))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([10], [(0, 1)]),
        ([1] * 100, [(0, 100)]),
        ([1] * 101, [(0, 100), (100, 101)]),
        ([60_000_000, 40_000_000, 1], [(0, 2), (2, 3)]),
        ([200_000_000, 200_000_000], [(0, 1), (1, 2)]),
    ],
)
def test_row_groups_hold_at_most_100_rows_and_100_megabytes(sizes: list[int], expected: list[tuple[int, int]]) -> None:
    assert list(group_bounds(sizes)) == expected


def hashed(count: int, size: int = 100) -> pl.DataFrame:
    ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
    return pl.DataFrame({"record_id": [f"{one}:polyps" for one in ids], "split": "train", "stored_bytes": size})


def test_shards_cover_every_row_once_in_order_within_the_limit() -> None:
    records = hashed(500)
    shards = plan_shards(records, max_bytes=9_000)
    rows = pl.concat([shard.records for shard in shards])["record_id"].to_list()
    assert rows == records["record_id"].sort().to_list()
    assert max(sum(shard.sizes) for shard in shards) <= 9_000
    assert [shard.path for shard in shards] == [
        f"data/train-{index:05d}-of-{len(shards):05d}.parquet" for index in range(len(shards))
    ]


def test_shards_do_not_depend_on_the_order_of_the_rows() -> None:
    paths = [
        [(shard.path, shard.records["record_id"].to_list()) for shard in plan_shards(rows, 2_000)]
        for rows in (hashed(80), hashed(80).reverse())
    ]
    assert paths[0] == paths[1]


def test_a_row_added_changes_one_shard_only() -> None:
    before = plan_shards(hashed(500), 20_000)
    after = plan_shards(hashed(501), 20_000)
    same = [old.records.equals(new.records) for old, new in zip(before, after, strict=True)]
    assert same.count(False) == 1


def test_a_picture_larger_than_the_limit_has_a_shard_all_the_same() -> None:
    assert [len(shard.sizes) for shard in plan_shards(hashed(1, 10**9))] == [1]


def test_no_records_make_no_shards() -> None:
    assert plan_shards(hashed(0)) == ()
