"""A disk that is full: a message that says so, no release, and the finished work is there for the next run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.layout import Lake, open_lake
from medmultipoints.data_lake.store.runs import read_runs, write_run
from medmultipoints.transforms.errors import MachineError
from tests.flows.small_builds import build, kept, make_sources, write_recipe

TOO_SMALL, ENOUGH = "512k", "64m"


def mount(folder: Path, *options: str) -> None:
    """Change or make a file system in memory; the test skips where that is not allowed."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small file system: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that is too small for the release."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "-o", f"size={TOO_SMALL}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # a server that is ending may still hold it


def test_a_full_disk_ends_the_build_in_words_and_the_next_run_goes_on(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills while the build works; one that is full before is refused first.

    Without the source whose archives lie in an archive: it asks for room before it unpacks them.
    """
    recipe = write_recipe(tmp_path / "small.toml", ("[sources.kvasir_instrument]\n", ""))
    sources = {name: path for name, path in make_sources(tmp_path / "sources").items() if name != "kvasir_instrument"}
    lake = small_disk / "lake"
    with pytest.raises(MachineError, match=r"less than 64 MiB are left\. The disk is full"):
        build(recipe, lake, sources)
    monkeypatch.setattr("medmultipoints.flows.engine.planning.intention.LEAST_FREE", 0)
    with pytest.raises(MachineError) as caught:
        build(recipe, lake, sources)
    assert caught.value.exit_code == 3
    assert str(caught.value).startswith(f"the lake folder {lake}: No space left on device")
    assert str(caught.value).endswith(
        "The disk is full: free space or choose another folder with --lake, then run again; finished work is kept."
    )
    assert [path.name for path in (lake / "releases" / "small").iterdir()] == [".lock"]
    run = read_runs(Lake(lake))[0]
    assert (run["outcome"], run["error"]) == ("failed", str(caught.value))
    mount(small_disk, "-o", f"remount,size={ENOUGH}")
    outcome = build(recipe, lake, sources)
    assert "index" in kept(outcome)
    assert list((lake / "tmp").iterdir()) == []
    elsewhere = build(recipe, tmp_path / "lake", sources)
    assert outcome.release.manifest_root == elsewhere.release.manifest_root
    assert read_runs(Lake(lake))[0]["outcome"] == "released"


def test_a_run_says_how_it_ended_on_a_disk_without_any_room(small_disk: Path) -> None:
    lake, start = open_lake(small_disk / "lake"), datetime(2026, 11, 21, tzinfo=UTC)
    write_run(lake, start, {"outcome": "running", "pid": 1})
    with (small_disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(small_disk).free == 0
    write_run(lake, start, {"outcome": "failed", "error": "the disk is full"})
    assert [(run["outcome"], run["error"]) for run in read_runs(lake)] == [("failed", "the disk is full")]
