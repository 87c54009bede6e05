"""A release that is sealed anew after an edit: what its other files contradict is found."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.digest import logical_digest
from medmultipoints.data_lake.release.read.released_tables import read_tables
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.manifest import manifest_root, read_manifest

Edit = Callable[[Path], None]


def seal(folder: Path) -> None:
    """State sizes, hashes, root and digest as the files now give them, as whoever forges a release would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for entry in manifest["files"]:
        data = (folder / entry["path"]).read_bytes()
        entry.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    manifest["manifest_root"] = manifest_root([FileEntry(**entry) for entry in manifest["files"]])
    replace(path, json.dumps(manifest).encode())
    manifest["logical_digest"] = logical_digest(read_tables(folder, read_manifest(folder)))
    replace(path, json.dumps(manifest).encode())


def replace(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def card(old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / "README.md").read_text("utf-8")
        assert old in text
        replace(folder / "README.md", text.replace(old, new, 1).encode())

    return edit


def croissant(change: Callable[[Any], object]) -> Edit:
    def edit(folder: Path) -> None:
        held = json.loads((folder / "croissant.json").read_bytes())
        change(held)
        replace(folder / "croissant.json", json.dumps(held).encode())

    return edit


def column(table: str, name: str, change: Callable[[Any], Any]) -> Edit:
    """The first value of a column that there is becomes another one."""

    def edit(folder: Path) -> None:
        path = min(folder.glob(f"{table}/train-*.parquet"))
        held = pq.read_table(path)
        values, field = held[name].to_pylist(), held.schema.field(name)
        row = next(at for at, value in enumerate(values) if value is not None)
        values[row] = change(values[row])
        changed = held.set_column(held.schema.get_field_index(name), field, pa.array(values, field.type))
        path.unlink()
        pq.write_table(changed.replace_schema_metadata(held.schema.metadata), path)

    return edit


EDITS: dict[str, tuple[Edit, str]] = {
    "nothing": (lambda _folder: None, ""),
    "class names exchanged": (card("'0': cluster", "'0': polyps"), "described_files"),
    "rows of a split": (card("num_examples: ", "num_examples: 9"), "described_files"),
    "the type of a column": (card("dtype: float64", "dtype: int64"), "described_files"),
    "files of a split": (card("path: data/train-*", "path: data/test-*"), "described_files"),
    "the hash of a file": (croissant(lambda held: held["distribution"][0].update(sha256="0" * 64)), "described_files"),
    "a file that is not told of": (croissant(lambda held: held["distribution"].pop(0)), "described_files"),
    "an organ of a record alone": (column("data", "organ", lambda value: f"{value}x"), "facts"),
    "a licence of an image alone": (column("images", "licence", lambda value: f"{value}x"), "facts"),
    "a source's split": (column("data", "official_split", lambda value: f"{value}x"), "facts"),
    "the place of an object": (column("objects", "index", lambda value: value + 1), "objects"),
    "the evidence of an object": (column("objects", "evidence", lambda value: "track"), "objects"),
    "the border that cuts an object": (column("objects", "truncated", lambda value: not value), "areas"),
    "the type of a column in croissant.json": (
        croissant(lambda held: held["recordSet"][1]["field"][0].update(dataType="sc:Integer")),
        "described_files",
    ),
    "the area of an object": (column("objects", "area_px", lambda value: value + 1), "areas"),
}


@pytest.mark.parametrize("case", EDITS)
def test_what_other_files_contradict_is_found(simulated: Path, tmp_path: Path, case: str) -> None:
    folder = shutil.copytree(simulated, tmp_path / "releases" / "demo" / simulated.name)
    edit, check = EDITS[case]
    edit(folder)
    seal(folder)
    failed = {one.name for one in verify_release(folder).checks if not one.ok}
    assert check in failed if check else not failed
