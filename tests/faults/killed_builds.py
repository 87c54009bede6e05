"""Builds to be killed, in processes forked from one that has imported everything, so that they begin at once."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from medmultipoints.data_lake.store.objects import receipt_path
from medmultipoints.flows.engine.planning.plan import plan_keys
from medmultipoints.flows.stages.pipeline import PIPELINE
from tests.flows.small_builds import STAGES, build, prepared

FOREVER = 120.0

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["great_expectations", "pandas", "tests.flows.small_builds"])


@contextmanager
def running(recipe: str, lake: Path, sources: Mapping[str, str]) -> Iterator[BaseProcess]:
    """A build that runs beside the block and is gone after it."""
    process = CONTEXT.Process(target=run, args=(recipe, lake, dict(sources)))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def run(recipe: str, lake: Path, sources: dict[str, str]) -> None:
    """In the child: the whole build."""
    build(recipe, lake, sources)


def kill_in(stage: str, delay: float, recipe: str, lake: Path, sources: Mapping[str, str]) -> int | None:
    """The exit code of a build that was killed so many seconds after it wrote its record and began the stage."""
    begun, records = sign_of(stage, recipe, lake, sources), runs_of(lake)
    with running(recipe, lake, sources) as process:
        wait_until(lambda: (begun.exists() and runs_of(lake) > records) or not process.is_alive())
        time.sleep(delay)
        if process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join(FOREVER)
        return process.exitcode


def runs_of(lake: Path) -> int:
    """The number of records of runs in a lake."""
    return len(list((lake / "runs").glob("*.json")))


def sign_of(stage: str, recipe: str, lake: Path, sources: Mapping[str, str]) -> Path:
    """The file that shows that a stage begins: the receipt of the one before, or the lock of the build."""
    place = STAGES.index(stage)
    if place == 0:
        return lake / "releases" / "small" / ".lock"
    before, future = STAGES[place - 1], prepared(recipe, lake, sources)
    return receipt_path(future.lake, before, plan_keys(future, PIPELINE)[before])


def wait_until(condition: Callable[[], bool], seconds: float = FOREVER) -> None:
    """Return once the condition holds; TimeoutError where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s")
        time.sleep(0.002)
