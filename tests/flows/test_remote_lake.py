"""A lake in an object store: finished work is found by another machine, the release is the same, damage is told."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.store import remote
from medmultipoints.data_lake.store.layout import Lake, lake_at, open_lake
from medmultipoints.data_lake.store.objects import object_path, put_bytes
from medmultipoints.data_lake.store.runs import read_runs, write_run
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.planning.place import fetch_releases, newest_version, send_release
from medmultipoints.transforms.errors import MachineError
from tests.flows.small_builds import STAGES, build, kept, prepared, write_recipe

pytest.importorskip("moto", reason="moto, of the group `dev`, is not installed")
from tests.object_store import BUCKET, object_store

OTHER_ROOT = {"manifest_root": "f" * 64}
LAKE = f"s3://{BUCKET}/lake"


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, str]]:
    """The environment in which s3:// means a server of this process."""
    with object_store() as settings:
        yield settings


@pytest.fixture
def machine(store: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a machine that reaches the store."""
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LAKE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_second_machine_finds_everything_done(
    machine: Path, recipe: str, sources: dict[str, str], first: Outcome
) -> None:
    made = build(recipe, LAKE, sources)  # type: ignore[arg-type]
    assert made.release.manifest_root == first.release.manifest_root
    assert kept(made) == []
    shutil.rmtree(machine)  # as on another machine
    again = build(recipe, LAKE, sources)  # type: ignore[arg-type]
    assert kept(again) == STAGES
    assert again.release.kept
    assert again.release.manifest_root == first.release.manifest_root
    assert len(read_runs(again.build.lake)) == 2
    names = remote.names(LAKE, "releases/small/1.0.0")
    assert f"{'releases/small/1.0.0'}/manifest.json" in names
    assert all(remote.size(LAKE, name) == (again.build.lake.root / name).stat().st_size for name in names)


def test_a_run_of_another_machine_is_followed_to_its_end(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the record of a run under way is old a moment later."""
    here = open_lake(f"s3://{BUCKET}/followed-runs")
    monkeypatch.setenv("LAKE_CACHE", str(machine.with_name("another")))
    there = open_lake(f"s3://{BUCKET}/followed-runs")
    started = datetime.now(UTC)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename="another"))
    for outcome in ("running", "released"):
        write_run(there, started, {"outcome": outcome, "pid": 1})
        with monkeypatch.context() as home:
            home.setattr(os, "uname", lambda: SimpleNamespace(nodename="here"))
            assert [run["outcome"] for run in read_runs(here)] == [outcome]


def test_an_object_that_is_not_what_its_name_says_is_reported(machine: Path, tmp_path: Path) -> None:
    lake = open_lake(f"s3://{BUCKET}/damaged/")
    assert lake.remote == f"s3://{BUCKET}/damaged"
    stored = put_bytes(lake, b"content")
    name = f"objects/{stored.sha256[:2]}/{stored.sha256}"
    (tmp_path / "other").write_bytes(b"other")
    remote.put(str(lake.remote), name, tmp_path / "other")
    (lake.root / name).unlink()
    with pytest.raises(MachineError, match="remove it, then run again"):
        object_path(lake, stored.sha256)
    assert not (lake.root / name).exists()


def test_a_write_that_breaks_off_leaves_nothing_under_the_name(machine: Path) -> None:
    with pytest.raises(MachineError):
        remote.put(LAKE, "objects/half", Path("/proc/self/mem"))  # it opens, and cannot be read
    assert remote.size(LAKE, "objects/half") is None


def test_only_the_release_that_was_made_is_sent_and_only_a_whole_one_fetched(
    machine: Path, first: Outcome, tmp_path: Path
) -> None:
    there = Lake(first.build.lake.root, f"s3://{BUCKET}/broken")
    send_release(there, first.release.path, read_manifest(first.release.path))
    other = read_manifest(first.release.path).model_copy(update=OTHER_ROOT)
    with pytest.raises(MachineError, match="another machine placed it, too"):
        send_release(there, first.release.path, other)
    (tmp_path / "other").write_bytes(b"other")
    remote.put(str(there.remote), "releases/small/1.0.0/README.md", tmp_path / "other")
    here = open_lake(str(there.remote))
    with pytest.raises(MachineError, match=r"README\.md is missing or not what the manifest of its release lists"):
        fetch_releases(here, "small")
    assert not (here.releases / "small" / "1.0.0").exists()


def test_the_newest_version_is_known_without_a_download(machine: Path, first: Outcome) -> None:
    there = Lake(first.build.lake.root, f"s3://{BUCKET}/listed")
    send_release(there, first.release.path, read_manifest(first.release.path))
    here = open_lake(str(there.remote))
    assert newest_version(here, "small") == "1.0.0"
    assert newest_version(here, "other") is None
    assert not here.releases.joinpath("small").exists()


def test_a_store_that_does_not_answer_is_reported(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(MachineError, match="Check address, AWS_ENDPOINT_URL and credentials"):
        remote.size(f"s3://{BUCKET}/lake", "anything")


def test_the_release_that_splits_follow_is_found_on_another_machine(
    machine: Path, first: Outcome, tmp_path: Path, sources: dict[str, str]
) -> None:
    there = Lake(first.build.lake.root, f"s3://{BUCKET}/followed")
    send_release(there, first.release.path, read_manifest(first.release.path))
    follow = f'[splits]\nprevious = "small@{first.release.manifest_root[:12]}"'
    recipe = write_recipe(tmp_path / "small.toml", ("[splits]", follow))
    found = prepared(recipe, there.remote, sources)  # type: ignore[arg-type]
    assert found.recipe.splits.previous == f"small@{first.release.manifest_root}"


def test_each_address_at_each_endpoint_has_a_cache_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    caches = [lake_at("s3://a/b/c").root, lake_at("s3://a/b_c").root, lake_at("s3://a/b/c/").root]
    assert caches[0] == caches[2]
    assert caches[0].name.startswith("a_b_c-")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    assert len({*caches, lake_at("s3://a/b/c").root}) == 3


def test_a_path_keeps_its_meaning(tmp_path: Path) -> None:
    """The command line makes a path of every lake: one slash of the address is lost, and found again."""
    assert remote.address(str(Path("s3://bucket/lake"))) == "s3://bucket/lake"
    assert open_lake(tmp_path / "lake").remote is None
