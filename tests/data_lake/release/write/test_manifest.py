"""The manifest: its root, its form, and what is said of a damaged one."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from medmultipoints.data_lake.release.read.digest import logical_digest
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.manifest import manifest_bytes, manifest_root, read_manifest
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.jsonl import SCHEMA

FILES = (FileEntry("b.txt", 2, "b" * 64), FileEntry("a.txt", 1, "a" * 64))


def test_the_root_is_the_sha256_of_the_sorted_list_without_blanks() -> None:
    text = f'[["a.txt",1,"{"a" * 64}"],["b.txt",2,"{"b" * 64}"]]'
    assert manifest_root(FILES) == hashlib.sha256(text.encode()).hexdigest()


def test_the_root_leaves_out_the_manifest_and_its_signatures() -> None:
    signed = [FileEntry(name, 9, "c" * 64) for name in ("manifest.json", "manifest.json.sig")]
    assert manifest_root((*FILES, *signed)) == manifest_root(FILES)


def test_a_manifest_reads_back_as_written(release: Path) -> None:
    assert manifest_bytes(read_manifest(release)) == (release / "manifest.json").read_bytes()


def test_the_accounting_says_in(release: Path) -> None:
    first = json.loads((release / "manifest.json").read_bytes())["accounting"][0]
    assert (first["name"], first["in"], first["used"], first["rejected"]) == ("index", 5, 4, 1)


def damage(release: Path, **values: object) -> None:
    path = release / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": "1.0"}, r"manifest\.json is damaged: version"),
        ({"extra": 1}, "extra: unknown key"),
        ({"format": 2}, "format"),
        ({"files": [{"path": "../x", "bytes": 1, "sha256": "a" * 64}]}, "not a plain path inside the release"),
        ({"files": [{"path": "/x", "bytes": 1, "sha256": "a" * 64}]}, "not a plain path"),
        ({"files": [{"path": "x", "bytes": 1, "sha256": "a" * 64}] * 2}, "x is listed twice"),
        ({"files": [{"path": "x", "bytes": -1, "sha256": "A"}]}, r"files\.0\.bytes.*and 1 more"),
    ],
)
def test_a_damaged_manifest_is_named_with_the_key(release: Path, values: dict[str, object], message: str) -> None:
    damage(release, **values)
    with pytest.raises(DataError, match=message):
        read_manifest(release)


def test_a_manifest_that_is_not_json_is_named(release: Path) -> None:
    (release / "manifest.json").write_bytes(b"\x00{")
    with pytest.raises(DataError, match="is damaged"):
        read_manifest(release)


def test_a_folder_without_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a release"):
        read_manifest(tmp_path)


def test_the_logical_digest_is_the_one_its_definition_gives() -> None:
    """Golden: a library that writes floats in another way shows here."""
    records = pl.DataFrame({"record_id": ["b", "a"], "bbox": [[[0.1]], []], "scale": [1e-7, 1.0]})
    records = records.with_columns(pl.col("bbox").cast(pl.List(pl.List(pl.Float32))))
    objects = pl.DataFrame({"record_id": ["r", "r"], "index": [10, 2], "x": [None, 1e16]})
    images = pl.DataFrame({"sample_id": ["s"], "stored_sha256": ["left out"], "cut": [True]})
    columns = (*SCHEMA, "split")
    values = {name: [f'"{name}" é'] if SCHEMA.get(name) == pl.List(pl.String) else f'"{name}" é' for name in columns}
    instructions = pl.DataFrame([values | {"answer_rederived": True}])
    text = [
        '["records",["bbox","record_id","scale"]]',
        '[[],"a",1.0]',
        '[[[0.10000000149011612]],"b",1e-7]',
        '["objects",["index","record_id","x"]]',
        '[2,"r",1e+16]',
        '[10,"r",null]',
        '["images",["cut","sample_id"]]',
        '[true,"s"]',
        json.dumps(["instructions", sorted(columns)], separators=(",", ":")),
        json.dumps([values[column] for column in sorted(columns)], separators=(",", ":"), ensure_ascii=False),
    ]
    expected = hashlib.sha256("".join(f"{line}\n" for line in text).encode()).hexdigest()
    assert logical_digest(Tables(records, objects, images, instructions)) == expected


def test_the_logical_digest_does_not_depend_on_the_order_of_rows_and_columns(tables: Tables) -> None:
    frames = (tables.records, tables.objects, tables.images, tables.instructions)
    turned = [frame.reverse().select(frame.columns[::-1]) for frame in frames]
    assert logical_digest(Tables(*turned)) == logical_digest(tables)


def test_the_logical_digest_sees_a_change_in_the_last_bit(tables: Tables) -> None:
    moved = tables.objects.with_columns(pl.col("x2").clip(upper_bound=30.499999999999996))
    assert logical_digest(replace(tables, objects=moved)) != logical_digest(tables)
