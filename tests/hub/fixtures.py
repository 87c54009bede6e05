"""Fixtures of tests that publish: the test Hub, a repository of the test's own, tiny releases in several versions."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from medmultipoints.data_lake.publish.hub import HubPlace
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import PushResult, push
from medmultipoints.data_lake.release.write.manifest import MANIFEST, manifest_bytes, read_manifest
from medmultipoints.transforms.diff.releases import Tables
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import OBJECTS, changed, make_tables
from tests.hub.git_store import git
from tests.hub.running import WRITER, TestHub, start_hub

WITHDRAWN = {"reason": "consent withdrawn", "reviewer": "A. Reviewer", "date": "2026-11-21"}


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One test Hub for all tests of a worker."""
    with start_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def hub(running_hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> TestHub:
    """The test Hub without faults, as the place that this process publishes to; nothing waits between tries."""
    running_hub.calm()
    monkeypatch.setenv("HF_ENDPOINT", running_hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # read at import: too late for setenv
    # The name `time` of that module alone: `time.sleep` itself belongs to every thread of the process.
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=awake))
    return running_hub


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """The name of a repository of the test's own."""
    return f"acme/{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]}"


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny release and what followed: a box, the card, a label."""
    return write_versions(tmp_path_factory.mktemp("versions"))


def write_versions(folder: Path) -> dict[str, Path]:
    """Tiny releases: a first one, a corrected box, another card, an image and its label gone, or withdrawn."""
    tables = make_tables()
    gone = {"image_sha256": tables.images.filter(sample_id="kvasir_instrument/c")["image_sha256"].item()}
    moved = [
        (one, label, [(2.0, 3.0, 11.0, 9.0)] if one == "hyperkvasir/a" else boxes) for one, label, boxes in OBJECTS
    ]
    corrected = make_tables(tuple(moved))
    less = without(corrected, "kvasir_instrument/c")
    return {
        "1.0.0": write_release(folder / "first", tables),
        "1.0.0 again": write_release(folder / "again", tables),
        "1.0.0 other": write_release(folder / "other", corrected),
        "1.1.0": write_release(folder / "box", corrected, "1.1.0"),
        "1.1.1": write_release(folder / "card", corrected, "1.1.1"),
        "2.0.0": write_release(folder / "label", less, "2.0.0"),
        "2.0.0 withdrawing": withdraw(write_release(folder / "withdrawing", less, "2.0.0"), gone),
    }


def withdraw(folder: Path, entry: Mapping[str, str]) -> Path:
    """The release, its recipe withdrawing an image."""
    given = read_manifest(folder)
    recipe = {**given.recipe, "corrections": {"withdrawn": [{"luma_blake3": None, **WITHDRAWN, **entry}]}}
    (folder / MANIFEST).write_bytes(manifest_bytes(given.model_copy(update={"recipe": recipe})))
    return folder


def without(tables: Tables, sample_id: str) -> Tables:
    """The tables without one image."""
    gone = tables.records.filter(pl.col("sample_id") == sample_id)["record_id"]
    frames = {
        name: getattr(tables, name).filter(~pl.col("record_id").is_in(gone.implode()))
        for name in ("records", "objects", "instructions")
    }
    return changed(tables, **frames, images=tables.images.filter(pl.col("sample_id") != sample_id))


def awake(_seconds: float) -> None:
    """No waiting in tests."""


def place_at(repo: str, **options: object) -> HubPlace:
    return HubPlace(repo, sleep=awake, **options)  # type: ignore[arg-type]


def publish(folder: Path, repo: str, **options: object) -> PushResult:
    """Plan and push in this process."""
    place = place_at(repo, **options)
    return push(plan_push(folder, place), place, sleep=awake)


def history(hub: TestHub, repo: str) -> tuple[list[str], dict[str, str]]:
    """Titles of the commits, oldest first, and the title of the commit that each tag points to."""
    where = hub.repository(repo)
    titles = git(where, "log", "--reverse", "--format=%s", "main").stdout.decode().split("\n")[:-1]
    tags = git(where, "tag", "--list").stdout.decode().split()
    return titles, {tag: git(where, "log", "-1", "--format=%s", tag).stdout.decode().strip() for tag in tags}


def copy_repository(hub: TestHub, old: str, new: str) -> None:
    """A repository like another one, made on the test Hub's disk: quicker than publishing again."""
    shutil.rmtree(hub.repository(new), ignore_errors=True)
    shutil.copytree(hub.repository(old), hub.repository(new))


def forget_files(hub: TestHub, folder: Path, base: Path) -> None:
    """The test Hub never saw the large files that this release has and its base has not: a push sends them."""
    for oid in large_files(folder) - large_files(base):
        (hub.root / "lfs" / oid[:2] / oid[2:4] / oid).unlink(missing_ok=True)


def large_files(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.parquet")}


def check_never_half(hub: TestHub, repo: str, folder: Path, version: str) -> None:
    """No tag without a whole commit, and at most one commit of the version."""
    titles, tags = history(hub, repo)
    assert titles.count(f"tiny {version}") <= 1
    if f"v{version}" not in tags:
        return
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = f"v{version}:{path.relative_to(folder).as_posix()}"
        kept, data = git(hub.repository(repo), "cat-file", "blob", name).stdout, path.read_bytes()
        assert kept == data or hashlib.sha256(data).hexdigest().encode() in kept, f"{name} is not what was pushed"
