"""Simulated archives on disk: official names, reproducible bytes, one stamp, nothing half-written."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.transforms.errors import UsageError

SMALL = SimulatedSizes(polyps=4, instruments=4, videos=1, frames=4)
NAMES = {
    "hyper-kvasir/hyper-kvasir-segmented-images.zip",
    "hyper-kvasir/image-labels.csv",
    "kvasir-instrument/kvasir-instrument.zip",
    "visem-tracking/VISEM_tracking.zip",
    "simulated.json",
}


def _digests(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_archives_have_their_official_names_and_open(tmp_path: Path) -> None:
    written = write_sources(tmp_path / "sources", seed=1, sizes=SMALL)
    assert set(_digests(tmp_path / "sources")) == NAMES
    assert list(written.paths) == ["hyperkvasir", "kvasir_instrument", "visem_tracking"]
    for path in (tmp_path / "sources").rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_the_same_arguments_give_the_same_files_anywhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sources(tmp_path / name, seed=1, sizes=SMALL, faults=("empty_image",))
    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")


def test_a_second_call_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    first = write_sources(tmp_path, seed=1, sizes=SMALL, faults=("stray_pixel",))
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert write_sources(tmp_path, seed=1, sizes=SMALL, faults=("stray_pixel",)) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times
    assert [entry.kind for entry in first.planted] == ["stray_pixel", "stray_pixel"]


def test_a_lost_file_is_written_again(tmp_path: Path) -> None:
    write_sources(tmp_path, seed=1, sizes=SMALL)
    before = _digests(tmp_path)
    (tmp_path / "hyper-kvasir" / "image-labels.csv").unlink()
    write_sources(tmp_path, seed=1, sizes=SMALL)
    assert _digests(tmp_path) == before


def test_another_request_replaces_what_an_earlier_one_wrote(tmp_path: Path) -> None:
    write_sources(tmp_path, seed=1, sizes=SMALL)
    sizes = SimulatedSizes(polyps=2, instruments=0, videos=0, negatives=1)
    written = write_sources(tmp_path, seed=1, sizes=sizes)
    assert list(written.paths) == ["hyperkvasir"]
    assert set(_digests(tmp_path)) == {
        "hyper-kvasir/hyper-kvasir-segmented-images.zip",
        "hyper-kvasir/hyper-kvasir-labeled-images.zip",
        "simulated.json",
    }


def test_what_an_interrupted_call_left_is_written_again(tmp_path: Path) -> None:
    write_sources(tmp_path / "whole", seed=1, sizes=SMALL)
    broken = tmp_path / "broken"
    (broken / "hyper-kvasir").mkdir(parents=True)
    (broken / "simulated.json").write_bytes(b"{}")
    (broken / "hyper-kvasir" / "image-labels.csv").write_bytes(b"half")
    (broken / "hyper-kvasir" / ".image-labels.csv.part").write_bytes(b"ha")
    (broken / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip.partial").write_bytes(b"PK")
    write_sources(broken, seed=1, sizes=SMALL)
    assert _digests(broken) == _digests(tmp_path / "whole")


def test_data_of_another_origin_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "hyper-kvasir").mkdir()
    (tmp_path / "hyper-kvasir" / "image-labels.csv").write_bytes(b"real")
    with pytest.raises(UsageError, match=r"image-labels.csv was not simulated and would be overwritten\. Choose"):
        write_sources(tmp_path, seed=1, sizes=SMALL)
    assert (tmp_path / "hyper-kvasir" / "image-labels.csv").read_bytes() == b"real"


def test_a_shuffle_seed_changes_the_order_of_the_entries_but_not_their_bytes(tmp_path: Path) -> None:
    orders, contents = [], []
    for name, shuffle_seed in (("plain", None), ("shuffled", 3)):
        write_sources(tmp_path / name, seed=1, sizes=SMALL, shuffle_seed=shuffle_seed)
        with zipfile.ZipFile(tmp_path / name / "visem-tracking" / "VISEM_tracking.zip") as archive:
            orders.append(archive.namelist())
            contents.append({entry: archive.read(entry) for entry in archive.namelist()})
    assert orders[0] != orders[1]
    assert contents[0] == contents[1]


def test_a_table_of_counts_drives_the_videos(tmp_path: Path) -> None:
    table = b"frame_name, sperm_count, cluster_count, small_or_pinhead_count\n9_frame_0,1,0,2\n9_frame_2,0,1,0\n"
    sizes = SimulatedSizes(polyps=0, instruments=0)
    written = write_sources(tmp_path, seed=1, sizes=sizes, counts=table)
    assert list(written.paths) == ["visem_tracking"]
    with zipfile.ZipFile(tmp_path / "visem-tracking" / "VISEM_tracking.zip") as archive:
        names = archive.namelist()
        lines = archive.read("VISEM_Tracking_Train_v4/Train/9/labels/9_frame_0.txt").decode().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "2", "2"]
    assert sum("/images/" in name for name in names) == 3
    assert sum("/labels/" in name for name in names) == 2


def test_an_unknown_fault_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown fault 'typo'"):
        write_sources(tmp_path / "sources", seed=1, sizes=SMALL, faults=("typo",))
    assert not (tmp_path / "sources").exists()
