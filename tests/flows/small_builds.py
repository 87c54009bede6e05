"""Small builds in this process: simulated sources with one planted fault, a recipe with splits, plain threads."""

from collections.abc import Mapping
from pathlib import Path

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.stages.pipeline import PIPELINE

SIZES = SimulatedSizes(polyps=8, instruments=4, videos=3, frames=3, unsegmented=0)
FAULTS = ("truncated_image",)
STAGES = [stage.name for stage in PIPELINE]

RECIPE = """
name = "small"
version = "1.0.0"
title = "Small"
seed = 5
release_date = "2026-11-21"

[sources.hyperkvasir]
[sources.kvasir_instrument]
[sources.visem_tracking]

[boxes]
min_area_px = 20

[splits]
fractions = { train = 0.6, test = 0.4 }

[instructions]
tasks = ["pointing", "bounding", "counting"]

[validation]
max_rejected_fraction = 0.5
"""


def make_sources(folder: Path, shuffle_seed: int | None = None) -> dict[str, str]:
    """The path of each source by name."""
    written = write_sources(folder, seed=11, sizes=SIZES, faults=FAULTS, shuffle_seed=shuffle_seed)
    return {name: str(path) for name, path in written.paths.items()}


def write_recipe(path: Path, *changes: tuple[str, str]) -> str:
    """The path of the recipe as a file, with parts of its text replaced by others."""
    text = RECIPE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return str(path)


def prepared(recipe: str, lake: Path, sources: Mapping[str, str], version: str | None = None) -> Build:
    """The build that a request means."""
    return prepare(BuildRequest(recipe=recipe, lake=str(lake), sources=dict(sources), version=version), PIPELINE)


def build(
    recipe: str, lake: Path, sources: Mapping[str, str], *, workers: int = 2, version: str | None = None
) -> Outcome:
    """The outcome of the build."""
    return execute(prepared(recipe, lake, sources, version), PIPELINE, run_in_threads(workers), Unwatched())


def kept(outcome: Outcome) -> list[str]:
    """The names of the stages that were reused."""
    return [stage.name for stage in outcome.stages if stage.kept]
