"""Builds for the scripts: by the pipeline in this process, or in a process of its own."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import Measured, run_measured
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from tests.acceptance.inputs import ROOT, hyperkvasir

Sources = Mapping[str, Path]


def build(recipe: str | Path, lake: Path, sources: Sources, workers: int = 2) -> Outcome:
    """The outcome of a build from exactly these sources, with threads and without Prefect."""
    given = {name: str(path) for name, path in sources.items()}
    request = BuildRequest(recipe=str(recipe), lake=str(lake), sources=given, only=tuple(given))
    return execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(workers), Unwatched())


def audited_pairs(work: Path) -> Outcome:
    """The outcome of the recipe ``audited`` on the real pairs; scripts of one run share its lake unchanged."""
    return build("audited", work.parent / "audited-pairs", {"hyperkvasir": hyperkvasir()})


def build_apart(
    recipe: str | Path, lake: Path, sources: Sources, workers: int = 2, code: Path = ROOT
) -> tuple[dict[str, Any], Measured]:
    """The same in a process of its own, with the code of the given checkout; what it printed, and what it cost."""
    given = [f"{name}={path}" for name, path in sources.items()]
    command = [sys.executable, "-m", "benchmarks.pipeline", str(recipe), str(lake), str(workers), *given]
    run = run_measured(command, code, os.environ | {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"})
    printed: dict[str, Any] = orjson.loads(run.output.splitlines()[-1])
    return printed, run


def kept_stages(printed: Mapping[str, Any]) -> set[str]:
    """The names of the stages that a build kept."""
    return {stage["name"] for stage in printed["stages"] if stage["kept"]}


def rebuilt_stages(printed: Mapping[str, Any]) -> set[str]:
    """The names of the stages that a build did anew."""
    return {stage["name"] for stage in printed["stages"]} - kept_stages(printed)


def differing(expected: Iterable[str], found: Iterable[str]) -> str:
    """What is missing and what is too much, for a message."""
    expected, found = set(expected), set(found)
    return f"missing {sorted(expected - found)}, too much {sorted(found - expected)}"
