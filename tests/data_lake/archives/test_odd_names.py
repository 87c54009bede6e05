"""Archives as people have them: backslashes, decomposed letters, copies beside archives, pipes and links."""

import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.transforms.errors import PipelineError, SourceDataError, UsageError

FILES = {"s/images/größe.jpg": b"one", "s/masks/größe.jpg": b"two", "s/boxes.json": b"{}"}
NAMES = tuple(sorted(FILES))


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("x")
            info.filename = name  # as given: the constructor would tidy it
            archive.writestr(info, data)
    return path


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path


def opened(folder: Path) -> SourceFiles:
    return open_source("s", folder, folder.parent / "scratch")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "given"
    made.mkdir()
    return made


def decomposed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {unicodedata.normalize("NFD", name): data for name, data in files.items()}


def backslashed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name.replace("/", "\\"): data for name, data in files.items()}


@pytest.mark.parametrize("change", [decomposed, backslashed, lambda files: backslashed(decomposed(files))])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_are_read_alike_whoever_packed_them(
    folder: Path, change: Callable[[Mapping[str, bytes]], dict[str, bytes]], write: Callable[..., Path]
) -> None:
    write(folder / ("a.zip" if write is write_zip else "a.tar.gz"), change(FILES))
    files = opened(folder)
    assert files.names() == NAMES
    assert [files.read(name) for name in NAMES] == [FILES[name] for name in NAMES]


def test_folders_of_a_zip_with_backslashes_are_no_files(folder: Path) -> None:
    write_zip(folder / "a.zip", {"s\\": b"", "s\\images\\": b""} | backslashed(FILES))
    assert opened(folder).names() == NAMES


def test_loose_files_with_decomposed_names_and_backslashes_are_read(folder: Path) -> None:
    write_folder(folder, decomposed({"s/größe.txt": b"1"}) | {"s\\images\\a.jpg": b"2"})
    files = opened(folder)
    assert files.names() == ("s/größe.txt", "s/images/a.jpg")
    assert files.read("s/images/a.jpg") == b"2"


def test_two_names_that_differ_by_composition_alone_are_listed_twice(folder: Path) -> None:
    write_zip(folder / "a.zip", FILES | decomposed({"s/images/größe.jpg": b"other"}))
    assert opened(folder).names().count("s/images/größe.jpg") == 2


COPIES: dict[str, Callable[[Path], object]] = {
    "unpacked beside it": lambda to: (write_zip(to / "a.zip", FILES), write_folder(to, FILES)),
    "unpacked into a folder of its name": lambda to: (write_zip(to / "a.zip", FILES), write_folder(to / "a", FILES)),
    "twice under two names": lambda to: (write_zip(to / "a.zip", FILES), write_zip(to / "a (1).zip", FILES)),
    "as zip and as tar": lambda to: (write_zip(to / "a.zip", FILES), write_tar(to / "a.tar.gz", FILES)),
    "partly unpacked": lambda to: (write_zip(to / "a.zip", FILES), write_folder(to, {NAMES[0]: FILES[NAMES[0]]})),
    "three times": lambda to: (
        write_zip(to / "a.zip", FILES),
        write_tar(to / "a.tar.gz", FILES),
        write_folder(to, FILES),
    ),
}


@pytest.mark.parametrize("kind", COPIES)
def test_equal_copies_are_taken_once(folder: Path, kind: str) -> None:
    COPIES[kind](folder)
    files = opened(folder)
    assert sorted(name.removeprefix("a/") for name in files.names()) == list(NAMES)
    assert {files.read(name) for name in files.names()} == set(FILES.values())


def test_copies_that_differ_are_named_with_both_places(folder: Path) -> None:
    write_zip(folder / "a.zip", FILES)
    write_folder(folder, FILES | {"s/boxes.json": b"{ }"})
    with pytest.raises(SourceDataError, match=r"s/boxes\.json: lies in .* and, with other content, in .*Remove one"):
        opened(folder)


@pytest.mark.parametrize("name", ["", ".", "./", "/", "..", "a/../../b", "C:\\x", "/etc/passwd"])
def test_entries_without_a_usable_name_are_refused_by_name(folder: Path, name: str) -> None:
    write_tar(folder / "a.tar.gz", {name: b"x"})
    with pytest.raises(PipelineError, match="empty name|unsafe path|lists no|damaged|has no"):
        assert opened(folder).names() == ()


def test_thousands_of_chained_headers_are_a_named_error(folder: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2
    block = header.tobuf(tarfile.GNU_FORMAT) + b"y\0".ljust(512, b"\0")
    (folder / "a.tar").write_bytes(block * 5000 + bytes(1024))
    with pytest.raises(SourceDataError, match="damaged tar"):
        opened(folder)


def test_a_tar_whose_names_are_not_utf_8_is_a_named_error(folder: Path) -> None:
    with tarfile.open(folder / "a.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("größe.jpg"))
    with pytest.raises(SourceDataError, match="not valid text"):
        opened(folder)


def test_a_pipe_is_refused_and_never_opened(folder: Path) -> None:
    write_folder(folder, FILES)
    os.mkfifo(folder / "s/pipe.jpg")
    with pytest.raises(UsageError, match=r"pipe\.jpg is a pipe, not a file"):
        opened(folder)
    with pytest.raises(UsageError, match="is a pipe"):
        opened(folder / "s/pipe.jpg")


def test_a_socket_and_a_device_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(folder, FILES)
    monkeypatch.chdir(folder)  # the path of a socket has a small limit
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(UsageError, match="is a socket"):
            opened(folder)
    with pytest.raises(UsageError, match="is a device"):
        open_source("s", Path("/dev/null"), folder.parent / "scratch")


@pytest.mark.parametrize("target", ["/etc/hostname", "/etc", "../outside.txt"])
def test_a_link_out_of_the_folder_is_refused_by_name(folder: Path, target: str) -> None:
    write_folder(folder, FILES)
    (folder.parent / "outside.txt").write_text("secret")
    (folder / "link").symlink_to(target)
    with pytest.raises(UsageError, match="link is a link to"):
        opened(folder)


def test_links_within_the_folder_are_followed_and_loops_end(folder: Path) -> None:
    write_folder(folder, FILES)
    (folder / "again.json").symlink_to(folder / "s/boxes.json")
    (folder / "s/loop").symlink_to(folder)
    assert "again.json" in opened(folder).names()


def test_a_link_to_nothing_is_refused(folder: Path) -> None:
    write_folder(folder, FILES)
    (folder / "gone").symlink_to(folder / "nothing")
    with pytest.raises(UsageError, match="broken link"):
        opened(folder)


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path: Path) -> None:
    """As any user but the one who may read everything."""
    given = write_folder(tmp_path / "given", FILES)
    drop = "-dac_override,-dac_read_search"
    user = [] if os.geteuid() else ["setpriv", f"--inh-caps={drop}", f"--bounding-set={drop}"]
    if user and shutil.which(user[0]) is None:
        pytest.skip("no program to drop the rights of the superuser")
    code = f"from medmultipoints.data_lake.archives.local_files import *; local_files(Path({str(given)!r}))"
    (given / "s" / "masks").chmod(0)
    try:
        done = subprocess.run([*user, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    finally:
        (given / "s" / "masks").chmod(0o755)
    assert f"MachineError: {given}: {given}/s/masks: Permission denied." in done.stderr.replace("errors.", "")
