"""Plan a rerun of a lake's last run; nothing is run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.engine.planning.intention import not_downloaded
from medmultipoints.flows.engine.planning.plan import plan_build
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.stage import Stage
from medmultipoints.flows.recipe.load import load_recipe, select_sources
from medmultipoints.flows.recipe.sources import source_infos, take_paths
from medmultipoints.transforms.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Rerun:
    """The stages that a rerun would keep and repeat; ``problem`` says why that is unknown or impossible."""

    kept: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    problem: str = ""

    def sentence(self) -> str:
        """Return the plan as text."""
        if self.problem:
            return self.problem
        if not self.done:
            return "nothing: every stage is finished and unchanged"
        return f"{', '.join(self.done)} ({len(self.kept)} of {len(self.kept) + len(self.done)} stages are kept)"


def plan_rerun(lake: Lake, run: Mapping[str, Any], stages: Sequence[Stage]) -> Rerun:
    """Return what a recorded run would do now, with the current recipe, sources, code and packages.

    Nothing is run and no source is downloaded; for a lake in an object store, the release that the recipe's splits
    follow is downloaded.
    """
    if "request" not in run:
        return Rerun(problem="not known: the record of the run does not hold its request")
    try:
        request = BuildRequest.model_validate(run["request"] | {"lake": lake.remote or str(lake.root)})
    except (TypeError, ValidationError):
        return Rerun(problem="not known: another version of this program wrote the record of the run")
    try:
        missing = to_download(lake, request)
        if missing:
            return Rerun(problem=f"it would begin with a download of {', '.join(missing)}")
        done = plan_build(prepare(request, stages), stages).done
    except PipelineError as error:
        return Rerun(problem=f"it would fail: {error}")
    names = [stage.name for stage in stages]
    return Rerun(tuple(name for name in names if name in done), tuple(name for name in names if name not in done))


def to_download(lake: Lake, request: BuildRequest) -> list[str]:
    """Return the sources whose files are neither given nor downloaded."""
    recipe = select_sources(load_recipe(request.recipe, tuple(request.sources)), request.only)
    tables, paths = take_paths(recipe.sources)
    infos = source_infos(tables, load_catalogue())
    wanted = [infos[name] for name in tables if name not in request.sources and name not in paths]
    return [info.name for info in wanted if not_downloaded(info, lake)]
