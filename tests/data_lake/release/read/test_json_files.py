"""A release with values of the wrong type is a bad release for every command, and never an internal error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from medmultipoints.data_lake.publish.git_folder import GitFolder
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.export.dialects import export_dialect
from medmultipoints.data_lake.release.export.plain import export_release
from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.release.read.show import describe_release
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.manifest import MANIFEST, manifest_root
from medmultipoints.data_lake.report.page import report_page
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables

COMMANDS: dict[str, Callable[[Path, Path], object]] = {
    "report": lambda folder, _: report_page(folder),
    "show": lambda folder, _: describe_release(folder),
    "export": lambda folder, to: export_release(folder, to / "plain"),
    "export as coco": lambda folder, to: export_dialect(folder, to / "coco", "coco"),
    "export as swift": lambda folder, to: export_dialect(folder, to / "swift", "swift"),
    "publish": lambda folder, to: plan_push(folder, GitFolder(to / "place")),
}
TABLES = ("data", "images", "objects", "quarantine")
CHANGES: dict[str, Callable[[pl.DataFrame, str], pl.DataFrame]] = {
    "null": lambda rows, name: rows.with_columns(pl.lit(None, rows.schema[name]).alias(name)),
    "number": lambda rows, name: rows.with_columns(pl.lit(7).alias(name)),
    "text": lambda rows, name: rows.with_columns(pl.lit("x").alias(name)),
    "missing": lambda rows, name: rows.drop(name),
}


def state(folder: Path) -> None:
    """Make the manifest name the files as they are now."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    entries = [FileEntry(f["path"], (folder / f["path"]).stat().st_size, file_sha256(folder / f["path"]))
               for f in manifest["files"]]  # fmt: skip
    manifest["files"] = [{"path": one.path, "bytes": one.bytes, "sha256": one.sha256} for one in entries]
    manifest["manifest_root"] = manifest_root(entries)
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("other"), make_tables(), "1.0.1")


def run_all(folder: Path, to: Path, other: Path) -> dict[str, str]:
    """What each command says of the release; none ends with another kind of error."""
    said = {}
    for name, command in {**COMMANDS, "diff": lambda folder, _: diff_folders(folder, other)}.items():
        try:
            command(folder, to / name)
            said[name] = "done"
        except DataError as error:
            said[name] = str(error)
    return said


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", TABLES)
def test_columns_of_the_wrong_type_are_named(tmp_path: Path, other: Path, table: str, change: str) -> None:
    """Every tenth column in turn; the manifest names the changed file, so that its hash says nothing."""
    original = write_release(tmp_path / "sound", make_tables())
    path = min((original / table).glob("*.parquet"))
    rows = pl.DataFrame(pl.from_arrow(pq.read_table(path)))
    content, manifest, refused = path.read_bytes(), (original / MANIFEST).read_bytes(), 0
    for number, name in enumerate(rows.columns[list(CHANGES).index(change) :: 10]):
        pq.write_table(CHANGES[change](rows, name).to_arrow(compat_level=pl.CompatLevel.oldest()), path)
        state(original)
        said = run_all(original, tmp_path / str(number), other)
        refused += any(text != "done" for text in said.values())
        if any(text != "done" for text in said.values()):
            assert not verify_release(original).ok, (name, said)
        path.write_bytes(content)
        (original / MANIFEST).write_bytes(manifest)
    assert refused or table == "quarantine"


WRONG: list[Any] = [None, 5, "x", [], {}, [5], {"x": 5}]


@pytest.mark.parametrize("name", ["boxes", "corrections", "labels", "instructions", "splits"])
def test_recipes_of_the_wrong_shape_are_bad_releases(tmp_path: Path, other: Path, name: str) -> None:
    folder = write_release(tmp_path / "sound", make_tables())
    before = json.loads((folder / MANIFEST).read_bytes())
    inner = {"boxes": "policy", "corrections": "withdrawn", "labels": "names", "instructions": "dialects"}
    for number, value in enumerate(WRONG[1:6:3]):
        for at, wrong in (("outer", value), ("inner", {inner.get(name, "near_threshold"): value})):
            changed = before | {"recipe": before["recipe"] | {name: wrong}}
            (folder / MANIFEST).write_text(json.dumps(changed))
            run_all(folder, tmp_path / f"{number} {at}", other)
            assert not verify_release(folder).ok


@pytest.mark.parametrize("name", ["leakage.json", "expectations.json", "changes.json"])
def test_json_files_of_the_wrong_shape_are_bad_releases(tmp_path: Path, other: Path, name: str) -> None:
    folder = write_release(tmp_path / "sound", make_tables())
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"].append({"path": name, "bytes": 0, "sha256": "0" * 64})
    (folder / MANIFEST).write_text(json.dumps(manifest))
    for number, value in enumerate(
        [*WRONG[::2], {"tables": [5]}, {"changes": 5}, {"search": 5}, {"leaks": {"groups": "x"}}]
    ):
        (folder / name).write_text(json.dumps(value))
        state(folder)
        run_all(folder, tmp_path / str(number), other)
        if name != "changes.json":
            assert not verify_release(folder).ok
