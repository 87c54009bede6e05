"""What the last run of a lake would do if it were started again now: nothing is run.

Nothing is downloaded, but for a lake in an object store the release that the splits of the recipe follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.catalogue import SourceInfo, load_catalogue
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.engine.execute import settled
from medmultipoints.flows.engine.plan import finished, plan_keys
from medmultipoints.flows.engine.prepare import Request, prepare
from medmultipoints.flows.recipe.model import load_recipe, select_sources
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Rerun:
    """Which stages would be kept and which done; ``problem`` says why that is not known, or what would stop it."""

    kept: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    problem: str = ""

    def sentence(self) -> str:
        """The same for people."""
        if self.problem:
            return self.problem
        if not self.done:
            return "nothing: every stage is finished and unchanged"
        return f"{', '.join(self.done)} ({len(self.kept)} of {len(self.kept) + len(self.done)} stages are kept)"


def plan_rerun(lake: Lake, run: Mapping[str, Any]) -> Rerun:
    """What the run would do now, by the recipe, the sources, the code and the packages as they are now."""
    if "request" not in run:
        return Rerun(problem="not known: the record of the run does not say what was asked for")
    asked = run["request"]
    try:
        request = Request(**{**asked, "lake": lake.remote or str(lake.root), "only": tuple(asked["only"])})
    except (KeyError, TypeError):
        return Rerun(problem="not known: another version of this program wrote the record of the run")
    try:
        missing = to_download(lake, request)
        if missing:
            return Rerun(problem=f"it would begin with a download of {', '.join(missing)}")
        build = settled(prepare(request), request.version)
    except PipelineError as error:
        return Rerun(problem=f"it would fail: {error}")
    done = finished(build, PIPELINE, plan_keys(build, PIPELINE))
    names = [stage.name for stage in PIPELINE]
    return Rerun(tuple(name for name in names if name in done), tuple(name for name in names if name not in done))


def to_download(lake: Lake, request: Request) -> list[str]:
    """The sources whose files are neither given nor landed."""
    catalogue = load_catalogue()
    recipe = select_sources(load_recipe(request.recipe), request.only)
    wanted = [catalogue[name] for name in recipe.sources if name not in request.sources]
    return [info.name for info in wanted if not all(map(Path.exists, landed(lake, info)))]


def landed(lake: Lake, info: SourceInfo) -> list[Path]:
    """Where a download of the source leaves its files."""
    return [lake.landing / info.name / file.name for file in info.downloads]
