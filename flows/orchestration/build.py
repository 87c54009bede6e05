"""Define the Prefect flow around the pipeline: one task per shard, retries of temporary errors, artifacts."""

from typing import Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.prepare import prepare_attempt
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.orchestration.artifacts import record_lineage, show_outcome
from medmultipoints.flows.orchestration.flow_runs import Progress, as_flow_state, handed, tag_run
from medmultipoints.flows.orchestration.notifications import notify
from medmultipoints.flows.orchestration.runners import run_with, task_runner
from medmultipoints.flows.stages.pipeline import PIPELINE, refuse_early


def name_run() -> str:
    """Return the name of the run, such as ``build audited 1.2.0``."""
    what = BuildRequest.model_validate(flow_run.parameters["what"])
    return " ".join(["build", what.label, what.version or ""]).strip()


@flow(
    name="build",
    flow_run_name=name_run,
    persist_result=False,
    on_failure=[notify],
    on_crashed=[notify],
    description="Build a release: sources in, a validated and reproducible release out.",
)
def build(what: BuildRequest) -> State[Outcome] | State[Any]:
    """Build the release of a recipe.

    Args:
        what: Recipe, lake, sources, version and runner.

    """

    def work(progress: Progress) -> State[Outcome]:
        with task_runner(what) as runner:
            prepared = handed().build
            if prepared is None:
                prepared = prepare_attempt(what, PIPELINE)
                refuse_early(prepared)
            tag_run(prepared.recipe.name)
            outcome = execute(prepared, PIPELINE, run_with(runner, progress.say), progress)
        show(outcome)
        return Completed(message=outcome.sentence(), data=outcome)

    return as_flow_state(work, Progress(handed().observer))


def show(outcome: Outcome) -> None:
    """Create artifacts, pages and lineage; log a warning if that fails, since the release is complete without them."""
    for create in (show_outcome, record_lineage):
        try:
            create(outcome)
        except Exception as error:  # noqa: BLE001 (a page never fails a build: the release has been placed)
            get_run_logger().warning(
                "Release %s was placed, but some artifacts could not be created: %s: %s. Run again to create them.",
                outcome.release.path, type(error).__name__, error,
            )  # fmt: skip
