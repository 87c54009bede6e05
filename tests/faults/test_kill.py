"""``kill -9`` at any moment: nothing half-written, nothing left running, and the next run ends in the same bytes."""

import multiprocessing
import random
import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import file_sha256
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.flows.engine.execute import Outcome
from tests.faults.killed_builds import kill_in
from tests.flows.small_builds import STAGES, build, kept, make_sources, write_recipe

SEED = 20261121


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The path of each simulated source by name."""
    return make_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the small recipe."""
    return write_recipe(tmp_path_factory.mktemp("recipe") / "small.toml")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, recipe: str, sources: dict[str, str]) -> Outcome:
    """The build that nobody kills."""
    return build(recipe, tmp_path_factory.mktemp("undisturbed") / "lake", sources)


def check_nothing_half_written(lake: Lake) -> None:
    """Every object has the content that its name promises, and no release stands yet."""
    objects = [path for path in lake.objects.rglob("*") if path.is_file()]
    assert [path for path in objects if file_sha256(path) != path.name] == []
    assert [path.name for path in (lake.releases / "small").iterdir()] == [".lock"]


@pytest.mark.accept
def test_a_build_killed_once_in_every_stage_ends_in_the_same_bytes(
    tmp_path: Path, recipe: str, sources: dict[str, str], undisturbed: Outcome
) -> None:
    """Each run is killed one stage later than the one before, at a random moment of that stage."""
    lake, moments = Lake(tmp_path / "lake"), random.Random(SEED)
    durations = {stage.name: stage.seconds for stage in undisturbed.stages}
    codes = []
    for stage in STAGES:
        codes.append(kill_in(stage, moments.random() * min(durations[stage], 0.5), recipe, lake.root, sources))
        if codes[-1] != 0:
            check_nothing_half_written(lake)
    assert codes[:-1] == [-9] * (len(STAGES) - 1), "the last may have been too quick for us"
    assert [run["outcome"] for run in read_runs(lake)].count("killed") == codes.count(-9)
    outcome = build(recipe, lake.root, sources)
    assert outcome.release.manifest_root == undisturbed.release.manifest_root
    assert set(kept(outcome)) >= set(STAGES[:-2])
    assert all(check.ok for check in verify_release(outcome.release.path).checks)
    assert list(lake.temporary.iterdir()) == []
    assert multiprocessing.active_children() == []
    assert [path.name for path in (lake.releases / "small").iterdir() if path.name != ".lock"] == ["1.0.0"]


def test_a_rebuild_that_is_killed_leaves_the_old_release_as_it_is(
    tmp_path: Path, sources: dict[str, str], recipe: str, undisturbed: Outcome
) -> None:
    """Neither the old release nor what it was made of is touched by the new one."""
    lake = Path(shutil.copytree(undisturbed.build.lake.root, tmp_path / "lake"))
    edited = write_recipe(
        tmp_path / "small.toml", ("min_area_px = 20", "min_area_px = 21"), ('version = "1.0.0"', 'version = "1.1.0"')
    )
    assert kill_in("release", 0.05, edited, lake, sources) == -9
    assert all(check.ok for check in verify_release(lake / "releases" / "small" / "1.0.0").checks)
    again = build(recipe, lake, sources)
    assert kept(again) == STAGES
    assert again.release.kept
    assert list((lake / "tmp").iterdir()) == []
