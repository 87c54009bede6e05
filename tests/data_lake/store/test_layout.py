"""The lake's folders, its lock, and the operating system's refusals in words."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.layout import explained, only_builder, open_lake
from medmultipoints.transforms.errors import MachineError

HOLD = """
import sys
from pathlib import Path
from medmultipoints.data_lake.store.layout import only_builder, open_lake
with only_builder(open_lake(Path(sys.argv[1])), "demo"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lake_is_made_where_none_is_and_opened_where_one_is(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "new" / "lake")
    (lake.landing / "kept.zip").write_bytes(b"kept")
    assert open_lake(tmp_path / "new" / "lake") == lake
    assert (lake.landing / "kept.zip").exists()
    assert list(lake.temporary.iterdir()) == []


def test_a_relative_lake_is_fixed_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_lake(Path("lake")).root == tmp_path / "lake"


@pytest.mark.parametrize("below", ["", "sub"])
def test_a_file_in_the_place_of_the_lake_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "lake").write_bytes(b"a file")
    with pytest.raises(MachineError, match=r"lake.*A file is in the place of a folder: choose another folder"):
        open_lake(tmp_path / "lake" / below)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_lake_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir(mode=0o555)
    with pytest.raises(
        MachineError, match=r"the lake folder .*lake.*Permission denied.*It is not writable: change its"
    ):
        open_lake(tmp_path / "lake")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "The disk is full: free space or choose another folder with --lake, then run again"),
        (errno.EDQUOT, "The disk quota is used up"),
        (errno.EACCES, "It is not writable: change its permissions or choose another folder with --lake"),
        (errno.EPERM, "It is not writable"),
        (errno.EROFS, "It is on a read-only file system: choose another folder with --lake"),
    ],
)
def test_each_refusal_comes_with_a_remedy(number: int, remedy: str) -> None:
    with pytest.raises(MachineError) as caught, explained("the lake folder /data"):
        raise OSError(number, os.strerror(number), "/data/objects/ab")
    assert str(caught.value).startswith(f"the lake folder /data: {os.strerror(number)} (/data/objects/ab). {remedy}")


def test_an_error_without_a_remedy_stays_what_it_is() -> None:
    with pytest.raises(FileNotFoundError), explained("the lake folder"):
        raise FileNotFoundError(errno.ENOENT, "no such file", "x")


def test_one_release_is_built_by_one_process_at_a_time(tmp_path: Path) -> None:
    """A second build of the same name is refused; another name may go on; the lock dies with its holder."""
    lake = open_lake(tmp_path / "lake")
    command = [sys.executable, "-c", HOLD, str(lake.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(MachineError) as caught, only_builder(lake, "demo"):
            pytest.fail("two builders of one release")
        with only_builder(lake, "audited"):
            pass
        holder.kill()
    assert str(caught.value) == (
        f"another build of 'demo' is running in {lake.root}. Wait for it to end, or use another --lake."
    )
    with only_builder(lake, "demo"):
        pass


def test_the_lock_is_refused_in_words_where_it_cannot_be_taken(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    lake.releases.write_bytes(b"a file")
    with pytest.raises(MachineError, match="A file is in the place of a folder"), only_builder(lake, "demo"):
        pytest.fail("a lock without a place")
