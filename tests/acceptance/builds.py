"""Builds for the scripts: by the pipeline in this process, or in a process of its own."""

import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import Measured, run_measured
from medmultipoints.data_lake.simulate import SimulatedSizes, SimulatedSources, write_sources
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.sources.simulated.faults import all_faults
from tests.acceptance.inputs import ROOT, hyperkvasir, real_data, small

Sources = Mapping[str, Path]


def build(recipe: str | Path, lake: Path, sources: Sources, workers: int = 2) -> Outcome:
    """The outcome of a build from exactly these sources, with threads and without Prefect."""
    given = {name: str(path) for name, path in sources.items()}
    request = BuildRequest(recipe=str(recipe), lake=str(lake), sources=given, only=tuple(given))
    return execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(workers), Unwatched())


@cache
def audited_pairs(shared: Path) -> Outcome:
    """The outcome of the recipe ``audited`` on the real pairs; the scripts of one run share its lake unchanged."""
    return build("audited", shared / "audited-pairs", {"hyperkvasir": hyperkvasir()})


@cache
def full_size(shared: Path) -> tuple[SimulatedSources, Outcome]:
    """Every simulated source with all faults planted and the real counts of VISEM-Tracking, shared in the same way."""
    counts = None if small() else (real_data() / "visem-tracking" / "sperm_counts_per_frame.csv").read_bytes()
    sizes = SimulatedSizes(polyps=60, instruments=30) if small() else SimulatedSizes(polyps=1000, instruments=590)
    folder = shared / "full-size"
    sources = write_sources(folder / "sources", seed=4, sizes=sizes, faults=all_faults(), counts=counts)
    return sources, build(write_full_recipe(folder / "audited.toml"), folder / "lake", sources.paths)


def write_full_recipe(path: Path) -> Path:
    """The recipe ``audited`` with every task, without what changes no instruction and takes most time."""
    text = (ROOT / "flows" / "recipes" / "audited.toml").read_text("utf-8")
    lines = ("starts = true", "days = true", "pixels = true", 'readers = ["raster", "ocr"]')
    for line in (*lines, 'files = ["corrections/*.toml"]', "dialects = ["):
        assert line in text, f"{line} is not in the recipe"
        text = text.replace(line, f"# {line}")
    others = [f'"{name}",' for name in TASK_NAMES if f'"{name}"' not in text]
    path.write_text(text.replace("tasks = [", f"tasks = [{' '.join(others)}", 1), "utf-8")
    return path


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
