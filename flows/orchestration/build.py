"""The Prefect flow around the pipeline: one task a shard, retries where they help, artifacts to look at."""

from typing import Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from medmultipoints.flows.engine.attempt import prepare_attempt
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.orchestration.artifacts import show_outcome
from medmultipoints.flows.orchestration.flow_ends import ended, notify
from medmultipoints.flows.orchestration.given import given_build, given_observer
from medmultipoints.flows.orchestration.lineage import record_lineage
from medmultipoints.flows.orchestration.parameters import BuildParameters
from medmultipoints.flows.orchestration.progress import Progress
from medmultipoints.flows.orchestration.runners import task_runner
from medmultipoints.flows.orchestration.tasks import run_with


def name_run() -> str:
    """A name that tells what is built, as ``build audited 1.2.0``."""
    what = BuildParameters.model_validate(flow_run.parameters["what"])
    return " ".join(["build", recipe_name(what), what.version or ""]).strip()


def recipe_name(what: BuildParameters) -> str:
    """The name of a recipe in names of runs: of a file, without folder and suffix."""
    return what.recipe.rpartition("/")[2].removesuffix(".toml")


@flow(
    name="build",
    flow_run_name=name_run,
    persist_result=False,
    on_failure=[notify],
    on_crashed=[notify],
    description="Build a release: sources in, a validated and reproducible release out.",
)
def build(what: BuildParameters) -> State[Outcome] | State[Any]:
    """Build the release of a recipe.

    Args:
        what: Recipe, lake, sources, version and runner.

    """

    def work(progress: Progress) -> State[Outcome]:
        with task_runner(what) as runner:
            prepared = given_build() or prepare_attempt(what.request())
            outcome = execute(prepared, what.version, run_with(runner), progress)
        show(outcome)
        return Completed(message=outcome.sentence(), data=outcome)

    return ended(work, Progress(given_observer()))


def show(outcome: Outcome) -> None:
    """Pages and lineage of a release that stands; a warning where they cannot be made: it is no less whole."""
    for described in (show_outcome, record_lineage):
        try:
            described(outcome)
        except Exception as error:  # noqa: BLE001 (whatever stops a page, the release has been placed)
            get_run_logger().warning(
                "%s stands, but not everything about it could be shown: %s: %s. Run again to make its pages.",
                outcome.release.path, type(error).__name__, error,
            )  # fmt: skip
