"""Run a build as a Prefect flow in this process, on the configured server or an embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from medmultipoints.data_lake.publish.plan import PushPlan
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.publishing import Published
from medmultipoints.flows.engine.request import BuildRequest, PublishRequest
from medmultipoints.flows.engine.running.collecting import without_collecting
from medmultipoints.flows.engine.running.run import Observer
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.orchestration.server.embedded_server import QUIET, embedded_server

# Messages of the flow go to the server; the terminal shows those of the command line.
CONSOLE = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}
# Seven waits, each twice as long as the previous one, cover a server outage of four minutes.
PATIENT = {"PREFECT_CLIENT_MAX_RETRIES": "7"}
# A build imports these anyway; 2 to 3 s of that overlap with the start of the server process.
NEEDED = ("medmultipoints.flows.orchestration.build", "medmultipoints.expectations.rows.library")
# Limit the history of ``serve``: events are kept for 7 days, runs for 90.
SERVED = QUIET | PATIENT | {"PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs"}


def run_flow(request: BuildRequest, prepared: Build, observer: Observer) -> Outcome:
    """Run a build as a flow and return its outcome; errors of the data or the machine are raised unchanged."""
    with prefect_api(prepared):
        from prefect.logging.handlers import APILogWorker
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from medmultipoints.flows.orchestration.build import build
        from medmultipoints.flows.orchestration.flow_runs import Handed, handed_over

        named = request.model_copy(update={"version": request.version or prepared.recipe.version})
        try:
            # A heartbeat would delay the end of the flow by up to a second; the server ends with this run.
            with handed_over(Handed(prepared, observer)), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                state = build(named, return_state=True)
        finally:
            APILogWorker.drain_all(timeout=5)
    outcome = state.result(raise_on_failure=True)
    assert isinstance(outcome, Outcome)
    return outcome


def run_publish(request: PublishRequest, plan: PushPlan) -> Published:
    """Run the publish flow on the configured server and return its outcome; errors are raised unchanged."""
    os.environ.update({name: value for name, value in CONSOLE.items() if name not in os.environ})
    from prefect.logging.handlers import APILogWorker

    from medmultipoints.flows.orchestration.flow_runs import Handed, handed_over
    from medmultipoints.flows.orchestration.publish import publish

    try:
        with handed_over(Handed(plan=plan)):
            state = publish(request, return_state=True)
    finally:
        APILogWorker.drain_all(timeout=5)
    published: object = state.result(raise_on_failure=True)
    assert isinstance(published, Published)
    return published


@contextmanager
def prefect_api(build: Build) -> Iterator[None]:
    """Set Prefect up for this process, before its import: the configured server, else an embedded one."""
    os.environ.update({name: value for name, value in (QUIET | CONSOLE | PATIENT).items() if name not in os.environ})
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    home = build.lake.prefect / build.recipe.name

    def meanwhile(api: str) -> None:
        os.environ.update({"PREFECT_HOME": str(home), "PREFECT_API_URL": api})
        with without_collecting():
            for name in NEEDED:
                import_module(name)

    try:
        with embedded_server(home, meanwhile=meanwhile):
            yield
    finally:
        for name in ("PREFECT_HOME", "PREFECT_API_URL"):
            os.environ.pop(name, None)
