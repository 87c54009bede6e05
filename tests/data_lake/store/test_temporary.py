"""Folders under construction: the old or the new one is always there, and what killed processes leave goes away."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from medmultipoints.data_lake.store import temporary
from medmultipoints.data_lake.store.temporary import (
    is_leftover,
    remove_leftovers,
    replaced_folder,
    swap_folders,
    temporary_name,
)

DEAD = f"{2**22 + 1}-{os.uname().nodename}-0123"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail(folder: Path) -> None:
    """A replacement that ends with an error once a file is written."""
    with replaced_folder(folder) as made:
        (made / "file").write_text("half")
        raise RuntimeError


def write(folder: Path, text: str) -> None:
    with replaced_folder(folder) as made:
        (made / "file").write_text(text)


def test_a_folder_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write(tmp_path / "out", text)
        assert (tmp_path / "out" / "file").read_text() == text
    assert names(tmp_path) == ["out"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    with pytest.raises(RuntimeError):
        fail(tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_reader_finds_the_old_or_the_new_folder_at_every_moment(tmp_path: Path) -> None:
    """Where names can be exchanged at once; a reader that opens the file all the time never misses it."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    if not swap_folders(one, other):
        pytest.skip("this file system cannot exchange two names at once")
    write(tmp_path / "out", "0")
    missing, done = [], threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                (tmp_path / "out" / "file").read_text()
            except OSError as error:
                missing.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        write(tmp_path / "out", str(number))
    done.set()
    reader.join()
    assert missing == []


@pytest.mark.parametrize("there", [True, False])
def test_without_an_exchange_a_killed_replacement_is_recovered_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """The process died between moving the old folder aside and placing the new one, or after that."""
    monkeypatch.setattr(temporary, "swap_folders", lambda *_: False)
    aside = tmp_path / f".out.{DEAD}-aside"
    aside.mkdir()
    (aside / "file").write_text("old")
    (tmp_path / f".out.{DEAD}").mkdir()
    if there:
        write(tmp_path / "out", "placed")
    with pytest.raises(RuntimeError):
        fail(tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == ("placed" if there else "old")
    assert names(tmp_path) == ["out"]
    write(tmp_path / "out", "new")
    assert (tmp_path / "out" / "file").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_only_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    made = [temporary_name(), DEAD, "77-another-machine-0123", "no-name"]
    for name in made:
        (tmp_path / name).mkdir()
    old = tmp_path / "88-another-machine-0123"
    old.mkdir()
    os.utime(old, (0, 0))
    remove_leftovers(tmp_path.iterdir())
    assert names(tmp_path) == sorted([made[0], made[2], made[3]])


def test_a_name_of_a_process_that_ended_is_left_behind(tmp_path: Path) -> None:
    code = "from medmultipoints.data_lake.store.temporary import temporary_name; print(temporary_name())"
    name = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert is_leftover(tmp_path, name)
    assert not is_leftover(tmp_path, temporary_name())
