"""``lake gc``: what a release that stands needs is never touched, the rest goes, and only when asked."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.store.garbage import Retention, find_garbage
from medmultipoints.data_lake.store.layout import Lake, only_builder, only_collector
from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.errors import LockHeld
from tests.flows.small_builds import STAGES, build, kept, write_recipe

NOW = Retention(days=0)


def gc(lake: Path, *words: str) -> dict[str, object]:
    """What the command tells."""
    done = CliRunner().invoke(app, ["lake", "gc", "--lake", str(lake), "--json", *words])
    assert done.exit_code == 0, done.output
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def files(lake: Path) -> set[Path]:
    found = (path.relative_to(lake) for path in lake.rglob("*") if path.is_file())
    return {path for path in found if path.name not in (".lock", ".collecting")}


def kinds(told: dict[str, object]) -> set[str]:
    return {str(one["kind"]) for one in told["files"]}  # type: ignore[attr-defined, index]


def test_a_dry_run_changes_nothing(lake: Path) -> None:
    before = files(lake)
    told = gc(lake, "--days", "0")
    assert not told["removed"]
    assert "receipt" in kinds(told), "those of the shards, whose stages are finished"
    assert files(lake) == before


def test_what_is_young_stays(lake: Path) -> None:
    """An interrupted build goes on from it."""
    fresh = Lake(lake).receipts / "derive.parts" / "fresh.json"
    fresh.write_text("{}")
    assert fresh not in {one.path for one in find_garbage(Lake(lake), Retention(days=1))}
    assert fresh in {one.path for one in find_garbage(Lake(lake), NOW)}


def test_a_release_that_stands_is_kept_with_everything_it_was_made_of(
    lake: Path, recipe: str, sources: dict[str, str]
) -> None:
    gc(lake, "--days", "0", "--yes")
    assert kept(build(recipe, lake, sources)) == STAGES
    assert kinds(gc(lake, "--days", "0")) <= {"unpacked archive"}


def test_old_versions_go_with_what_only_they_need(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    edited = write_recipe(tmp_path / "small.toml", ("train = 0.6, test = 0.4", "train = 0.5, test = 0.5"))
    outcome = build(edited, lake, sources, version="2.0.0")
    assert "old release" not in kinds(gc(lake, "--days", "0"))
    objects = len(list((lake / "objects").glob("*/*")))
    assert kinds(gc(lake, "--days", "0", "--keep-releases", "1", "--yes")) >= {"old release", "object", "receipt"}
    assert [path.name for path in (lake / "releases" / "small").iterdir() if path.name != ".lock"] == ["2.0.0"]
    assert len(list((lake / "objects").glob("*/*"))) < objects
    assert verify_release(outcome.release.path).ok
    assert kept(build(edited, lake, sources, version="2.0.0")) == STAGES


def test_records_of_runs_do_not_grow_without_bound(lake: Path, recipe: str, sources: dict[str, str]) -> None:
    for _ in range(3):
        build(recipe, lake, sources)
    gc(lake, "--keep-runs", "2", "--yes")
    assert len(list((lake / "runs").iterdir())) == 2


def test_a_release_outlives_the_records_of_later_runs(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    """The record says what the release was made of: without it the next cleaning would take that away."""
    edited = write_recipe(tmp_path / "small.toml", ("train = 0.6, test = 0.4", "train = 0.5, test = 0.5"))
    for version in ("2.0.0", "2.0.0", "2.0.0"):
        build(edited, lake, sources, version=version)
    for _ in range(2):
        gc(lake, "--days", "0", "--keep-runs", "2", "--yes")
    assert len(list((lake / "runs").iterdir())) == 3
    again = build(write_recipe(tmp_path / "again.toml"), lake, sources)
    assert kept(again) == STAGES


def test_not_while_a_build_is_running(lake: Path) -> None:
    with only_builder(Lake(lake), "small"):
        done = CliRunner().invoke(app, ["lake", "gc", "--lake", str(lake), "--yes"])
        assert CliRunner().invoke(app, ["lake", "gc", "--lake", str(lake)]).exit_code == 0  # only looks
    assert isinstance(done.exception, LockHeld)
    assert "a build of 'small' is running" in str(done.exception)


def test_a_read_only_lake_can_be_looked_at(lake: Path) -> None:
    """Nothing is written: no lock, no probe, no folder."""
    before = sorted((str(path), path.stat().st_mtime_ns) for path in lake.rglob("*"))
    for command in (["status", "--quick"], ["quarantine", "list"], ["lake", "gc"], ["lake", "check"]):
        done = CliRunner().invoke(app, [*command, "--lake", str(lake)])
        assert (done.exit_code, done.exception) == (0, None), command
    assert sorted((str(path), path.stat().st_mtime_ns) for path in lake.rglob("*")) == before


def test_no_build_begins_while_it_is_at_work(lake: Path) -> None:
    with (
        only_collector(Lake(lake)),
        pytest.raises(LockHeld, match="`lake gc` is running"),
        only_builder(Lake(lake), "small"),
    ):
        raise AssertionError("it began")
