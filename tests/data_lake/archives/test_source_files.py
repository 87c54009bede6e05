"""A source's files are read wherever they lie; nothing is unpacked that can be read in place."""

import gzip
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medmultipoints.data_lake.archives.fingerprint import fingerprint, known
from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.transforms.errors import MachineError, SourceDataError, UsageError
from tests.data_lake.archives.archive_bytes import FILES, tar_of, zip_of


def contents(files: SourceFiles) -> dict[str, bytes]:
    return {name: files.read(name) for name in files.names()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_members_are_read_in_place(opened: Callable[..., SourceFiles], tmp_path: Path, method: int) -> None:
    """Names are sorted, contents exact, nothing is unpacked."""
    assert contents(opened(zip_of(FILES, method))) == dict(sorted(FILES.items()))
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.tgz", "set"])
def test_tars_are_read_compressed_or_not(opened: Callable[..., SourceFiles], name: str) -> None:
    """The kind of a lone archive is seen from its bytes where its name does not say it."""
    data = tar_of(FILES)
    assert contents(opened(gzip.compress(data) if "gz" in name else data, name)) == dict(sorted(FILES.items()))


def test_tars_inside_a_zip_stand_in_their_folder(opened: Callable[..., SourceFiles], tmp_path: Path) -> None:
    """The layout of Kvasir-Instrument: each nested tar is unpacked once, to a name made of its content."""
    images = gzip.compress(tar_of({"./images/a.jpg": b"A"}), mtime=0)
    masks = gzip.compress(tar_of({"masks/a.png": b"M"}), mtime=0)
    outer = zip_of({"set/images.tar.gz": images, "set/masks.tar.gz": masks, "set/train.txt": b"a\n"})
    assert contents(opened(outer)) == {"set/images/a.jpg": b"A", "set/masks/a.png": b"M", "set/train.txt": b"a\n"}
    scratch = sorted((tmp_path / "scratch").glob("*.tar"))
    assert len(scratch) == 2
    times = [file.stat().st_mtime_ns for file in scratch]
    opened(outer + b"")  # a new modification time opens it anew
    assert [file.stat().st_mtime_ns for file in scratch] == times
    assert not list((tmp_path / "scratch").glob("*.unfinished"))


def test_an_unfinished_tar_of_a_killed_run_is_overwritten(opened: Callable[..., SourceFiles], tmp_path: Path) -> None:
    """What a killed process left has no effect."""
    packed = gzip.compress(tar_of({"a.jpg": b"A"}), mtime=0)
    first = opened(packed, "images.tar.gz")
    (tar,) = (tmp_path / "scratch").glob("*.tar")
    unfinished = tar.with_name(tar.name.partition(".")[0] + ".unfinished")
    tar.rename(unfinished)
    os.utime(first.path, ns=(0, 0))
    assert contents(open_source("ours", first.path, tmp_path / "scratch")) == {"a.jpg": b"A"}
    assert not unfinished.exists()


def test_an_unpacked_tar_that_was_changed_is_unpacked_again(opened: Callable[..., SourceFiles], tmp_path: Path) -> None:
    """The scratch folder is trusted no more than any other: a byte that rotted there reaches no release."""
    first = opened(gzip.compress(tar_of({"a.jpg": b"A"}), mtime=0), "images.tar.gz")
    (tar,) = (tmp_path / "scratch").glob("*.tar")
    tar.write_bytes(tar.read_bytes().replace(b"A", b"B"))
    os.utime(first.path, ns=(0, 0))
    assert contents(open_source("ours", first.path, tmp_path / "scratch")) == {"a.jpg": b"A"}


def test_a_folder_is_the_union_of_archives_and_loose_files(tmp_path: Path) -> None:
    """Zips keep their own paths, loose files and tars their place in the folder; hidden files are not there."""
    folder = tmp_path / "given"
    (folder / "deep" / ".git").mkdir(parents=True)
    (folder / "one.zip").write_bytes(zip_of({"set/a.jpg": b"A"}))
    (folder / "deep" / "two.zip").write_bytes(zip_of({"set/b.jpg": b"B"}))
    (folder / "deep" / "masks.tar.gz").write_bytes(gzip.compress(tar_of({"masks/a.png": b"M"})))
    (folder / "deep" / "labels.csv").write_bytes(b"L")
    (folder / "deep" / ".git" / "x").write_bytes(b"x")
    (folder / ".one.zip.part").write_bytes(b"half")
    (folder / "deep" / "circle").symlink_to(folder)
    found = contents(open_source("ours", folder, tmp_path / "scratch"))
    assert found == {"deep/labels.csv": b"L", "deep/masks/a.png": b"M", "set/a.jpg": b"A", "set/b.jpg": b"B"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_repeated_entries_are_listed_twice(opened: Callable[..., SourceFiles]) -> None:
    """The reader sees that a path occurs twice; what is read is the first."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.jpg", b"first")
        archive.writestr("a.jpg", b"second")
    files = opened(data.getvalue())
    assert files.names() == ("a.jpg", "a.jpg")
    assert files.read("a.jpg") == b"first"


def test_threads_read_at_once(opened: Callable[..., SourceFiles]) -> None:
    """Concurrent reads do not disturb one another."""
    expected = {f"{number}.bin": bytes([number]) * (1000 + number) for number in range(200)}
    files = opened(zip_of(expected))
    with ThreadPoolExecutor(8) as pool:
        assert dict(zip(files.names(), pool.map(files.read, files.names()), strict=True)) == expected


def test_pickled_files_are_opened_again_once(opened: Callable[..., SourceFiles]) -> None:
    """Workers get the path, not the listing, and share one listing a process; a changed file is listed anew."""
    files = opened(zip_of(FILES))
    copy = pickle.loads(pickle.dumps(files))
    assert copy is files
    assert len(pickle.dumps(files)) < 1000
    assert opened(zip_of({"new.jpg": b"N"})).names() == ("new.jpg",)


def test_a_missing_path_is_a_usage_error(tmp_path: Path) -> None:
    """The message repeats what was given."""
    with pytest.raises(UsageError, match="source ours=.*nowhere: no such file or folder"):
        open_source("ours", tmp_path / "nowhere", tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    """A folder without files is not a source."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceDataError, match="empty: the folder has no files"):
        open_source("ours", tmp_path / "empty", tmp_path / "scratch")


def test_an_archive_that_vanishes_is_the_machines_fault(opened: Callable[..., SourceFiles]) -> None:
    """Reading from a removed archive must not look like a damaged sample."""
    files = opened(zip_of(FILES))
    files.path.unlink()
    with pytest.raises(MachineError, match=r"ours: .*set\.zip: No such file or directory"):
        files.read("set/boxes.json")


def test_real_zip_has_its_members(real: Path, tmp_path: Path) -> None:
    """The given zip opens; its 241 members are read without a fault; the label table is the official one."""
    folder = real / "hyper-kvasir"
    files = open_source("hyperkvasir", folder / "hyper-kvasir-segmented-images.zip", tmp_path)
    assert len(files.names()) == len(set(files.names())) == 241
    assert sum(len(files.read(name)) for name in files.names()) == 7_425_774
    assert known(fingerprint(folder), load_catalogue()["hyperkvasir"]) == {
        "hyper-kvasir-segmented-images.zip": False,
        "image-labels.csv": True,
        "license.txt": False,
    }


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "loose"])
def test_a_member_is_read_in_part_and_from_its_start(tmp_path: Path, name: str) -> None:
    """A head is as long as asked, or as the member; an open member gives the same bytes as a whole one."""
    content = bytes(range(256)) * 700
    folder = tmp_path / "source"
    folder.mkdir()
    packed = {"set.zip": zip_of({"a.json": content}), "set.tar": tar_of({"a.json": content})}
    (folder / ("a.json" if name == "loose" else name)).write_bytes(packed.get(name, content))
    files = open_source("any", folder, tmp_path / "scratch")
    assert content[:100] == files.head("a.json", 100)
    assert content == files.head("a.json", 1 << 20)
    with files.open("a.json") as opened:
        assert [content[:10], content[10:]] == [opened.read(10), opened.read()]
