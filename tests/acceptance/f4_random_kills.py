"""Builds that are killed at random moments, again and again in one lake, end in the root of an undisturbed build."""

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.release.checks.verify import verify_release
from tests.acceptance.inputs import small
from tests.faults.killed_builds import running
from tests.flows.small_builds import build, make_sources, write_recipe

KILLS, SEED = 300, 4
LEAST, MOST = 0.02, 0.6
"""Share of the time of an undisturbed build after which it is killed."""


def run(work: Path) -> dict[str, Any]:
    """So many kills; a build that is over before its kill must have made the release, and a new lake begins."""
    recipe, sources = write_recipe(work / "small.toml"), make_sources(work / "sources")
    root = build(recipe, work / "whole", sources).release.manifest_root
    seconds, chance = undisturbed(recipe, work / "timed", sources), random.Random(SEED)
    kills, lakes, wanted, start = 0, 0, 20 if small() else KILLS, time.perf_counter()
    while kills < wanted:
        lake, lakes = work / "killed", lakes + 1
        while killed(recipe, lake, sources, chance.uniform(LEAST, MOST) * seconds):
            kills += 1
            assert all(verify_release(path.parent).ok for path in lake.glob("releases/*/*/manifest.json"))
        made = build(recipe, lake, sources)
        assert made.release.manifest_root == root
        assert verify_release(made.release.path).ok
        assert not list((lake / "tmp").iterdir())
        shutil.rmtree(lake)
    return {
        "kills": kills,
        "lakes": lakes,
        "seconds_undisturbed": round(seconds, 2),
        "seconds_of_kills": round(time.perf_counter() - start, 1),
        "root": root,
    }


def undisturbed(recipe: str, lake: Path, sources: dict[str, str]) -> float:
    """Return the seconds of a whole build in a process as those that are killed, once it has imported everything."""
    for number in range(2):
        start = time.perf_counter()
        with running(recipe, lake.with_name(f"{lake.name}-{number}"), sources) as process:
            process.join()
            assert process.exitcode == 0
    return time.perf_counter() - start


def killed(recipe: str, lake: Path, sources: dict[str, str], after: float) -> bool:
    """Return whether a build was still at work when it was killed."""
    with running(recipe, lake, sources) as process:
        process.join(after)
        alive = process.is_alive()
        if alive and process.pid:
            os.kill(process.pid, signal.SIGKILL)
        process.join()
    return alive
