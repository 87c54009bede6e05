"""An export: every path opens, nothing else is touched, the same files each time."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.export.dialects import export_dialect
from medmultipoints.data_lake.release.export.plain import export_release
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError, UsageError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import PICTURES, changed


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_image_path_opens_and_has_the_bytes_its_name_promises(release: Path, tmp_path: Path) -> None:
    report = export_release(release, tmp_path / "out")
    lines = [json.loads(line) for path in (tmp_path / "out/instructions").iterdir() for line in path.open()]
    assert len(lines) == report.instructions == 25
    for line in lines:
        path = tmp_path / "out" / line["images"][0]
        Image.open(path).load()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    assert report.images == len(PICTURES) == len(list((tmp_path / "out/images").iterdir()))


def test_records_name_images_that_open(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "out", "train")
    rows = [json.loads(line) for line in (tmp_path / "out/records/train.jsonl").open()]
    assert len(rows) == 4 and all((tmp_path / "out" / row["image"]).is_file() for row in rows)


def test_one_split_has_only_its_own_files(release: Path, tmp_path: Path) -> None:
    report = export_release(release, tmp_path / "out", "test")
    assert (report.splits, report.images, report.records) == (("test",), 1, 1)
    assert not (tmp_path / "out/instructions/train.jsonl").exists()


def test_an_export_over_an_earlier_one_leaves_only_the_new_files(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "out", "test")
    (tmp_path / "out/records/test.jsonl").write_text("damaged")
    export_release(release, tmp_path / "out")
    export_release(release, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "fresh", "release"}


@pytest.mark.parametrize(("split", "dialect"), [("test", None), (None, "coco")])
def test_another_export_is_refused_and_left_alone(
    release: Path, tmp_path: Path, split: str | None, dialect: str | None
) -> None:
    export_release(release, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(UsageError, match=r"holds another export \(tiny 1\.0\.0, as plain files, .*test"):
        _export(release, tmp_path / "out", split, dialect)
    assert contents(tmp_path / "out") == before


def test_an_export_in_which_somebody_works_is_not_replaced(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "out")
    (tmp_path / "out/weights.bin").write_text("mine")
    with pytest.raises(UsageError, match=r"holds weights\.bin, which is not part"):
        export_release(release, tmp_path / "out")
    assert (tmp_path / "out/weights.bin").read_text() == "mine"


@pytest.mark.parametrize("dialect", [None, "coco"])
def test_a_release_is_never_written_to(release: Path, tmp_path: Path, tables: Tables, dialect: str | None) -> None:
    other = write_release(tmp_path / "other", tables)
    for to in (release, release / "sub/folder", other / "sub"):
        with pytest.raises(UsageError, match="lies in the release"):
            _export(release, to, None, dialect)
    assert not (release / "sub").exists()


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("instructions/test.jsonl", None),
        ("instructions/test.jsonl", "llama-factory"),
        ("objects/test-00000-of-00001.parquet", "coco"),
        ("data/test-00000-of-00001.parquet", "coco"),
    ],
)
def test_a_file_that_the_manifest_does_not_name_is_never_exported(
    release: Path, tmp_path: Path, path: str, dialect: str | None
) -> None:
    data = bytearray((release / path).read_bytes())
    data[len(data) // 3] ^= 1
    (release / path).write_bytes(data)
    with pytest.raises(DataError, match=rf"{path} is not the file that the manifest names"):
        _export(release, tmp_path / "out", None, dialect)
    assert not (tmp_path / "out").exists()


def _export(release: Path, to: Path, split: str | None, dialect: str | None) -> None:
    if dialect is None:
        export_release(release, to, split)
    else:
        export_dialect(release, to, dialect, split)


def test_a_folder_with_other_files_is_refused_and_left_alone(release: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty and not an export"):
        export_release(release, tmp_path)
    assert not (tmp_path / "images").exists()


def test_an_unknown_split_is_named(release: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--split dev: the release has no such split; it has test, train"):
        export_release(release, tmp_path / "out", "dev")


def test_a_file_that_stands_in_the_way_is_named(release: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        export_release(release, tmp_path / "out")


@pytest.mark.parametrize("path", ["../../evil.jpg", "/tmp/evil.jpg", "images/" + "a" * 64 + ".sh"])
def test_an_image_path_that_leads_elsewhere_is_refused(tmp_path: Path, tables: Tables, path: str) -> None:
    hostile = changed(tables, images=tables.images.with_columns(pl.lit(path).alias("image_file")))
    folder = write_release(tmp_path / "release", hostile)
    with pytest.raises(DataError, match=r"is not images/<sha256>\.jpg or \.png"):
        export_release(folder, tmp_path / "out")


def test_an_instruction_without_its_image_is_refused(tmp_path: Path, tables: Tables) -> None:
    other = tables.instructions.with_columns(pl.lit(f"images/{'a' * 64}.jpg").alias("image_file"))
    other = other.with_columns(image_files=pl.concat_list("image_file"))
    folder = write_release(tmp_path / "release", changed(tables, instructions=other))
    with pytest.raises(DataError, match="no image of its name"):
        export_release(folder, tmp_path / "out")
