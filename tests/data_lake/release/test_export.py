"""An export: every path opens, nothing else is touched, the same files each time."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from data_lake.release.export import export_release
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import PICTURES, changed
from transforms.diff import Tables
from transforms.errors import DataError, UsageError


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
    export_release(release, tmp_path / "out")
    export_release(release, tmp_path / "out", "test")
    export_release(release, tmp_path / "fresh", "test")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


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
