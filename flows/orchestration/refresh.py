"""Keep a release up to date: look at the sources, build what changed, publish what is new; otherwise do nothing.

Servers of sources are asked whether their files changed; builds stay with the files whose hashes are accepted.
"""

import shlex
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect import State, flow, tags
from prefect.artifacts import create_link_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.utilities.urls import url_for

from medmultipoints.data_lake.store.tables import scan_table
from medmultipoints.flows.engine.attempt import prepare_attempt, record_unpublished
from medmultipoints.flows.engine.execute import Outcome, execute, is_finished
from medmultipoints.flows.engine.publishing import open_place, plan_for
from medmultipoints.flows.engine.rejections import most_often, sentence, share_rejected
from medmultipoints.flows.engine.run import Unwatched, run_in_threads
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.orchestration.build import build, recipe_name
from medmultipoints.flows.orchestration.flow_ends import ended, notify
from medmultipoints.flows.orchestration.given import given
from medmultipoints.flows.orchestration.parameters import (
    BuildParameters,
    Destination,
    PublishParameters,
    RefreshParameters,
)
from medmultipoints.flows.orchestration.progress import Progress, tell
from medmultipoints.flows.orchestration.publish import publish
from medmultipoints.flows.orchestration.upstream import look_upstream
from medmultipoints.transforms.errors import DataError, LockHeld, PipelineError

REJECTIONS = "medmultipoints.rejections-above-threshold"
RELEASED = "medmultipoints.released"


def name_run() -> str:
    """A name that tells what is kept up to date, and when, as ``refresh audited 2026-11-21``."""
    what = RefreshParameters.model_validate(flow_run.parameters["what"])
    return f"refresh {recipe_name(what)} {datetime.now(UTC):%Y-%m-%d}"


@flow(
    name="refresh",
    flow_run_name=name_run,
    persist_result=False,
    on_failure=[notify],
    on_crashed=[notify],
    description="Look at the sources; build, validate, release and publish if something changed.",
)
def refresh(what: RefreshParameters = RefreshParameters()) -> State[Any]:  # noqa: B008 (frozen)
    """Keep a release up to date.

    Args:
        what: Recipe, lake, sources, version, runner, and where new versions go.

    """
    with tags(f"recipe:{recipe_name(what)}"):
        return ended(partial(_refresh, what), Progress())


def _refresh(what: RefreshParameters, _progress: Progress) -> State[Any]:
    started = datetime.now(UTC)
    try:
        prepared = prepare_attempt(what.request())
        upstream = look_upstream(prepared, what.sources)
        built = outcome_of(what, prepared)
    except LockHeld as held:  # what runs elsewhere does the work: the next run finds it done
        return Completed(name="Skipped", message=f"nothing was done: {held}")
    if isinstance(built, State):
        return built
    try:
        published = published_to(what, built)
    except PipelineError as error:
        record_unpublished(built, str(error))
        raise
    if published and not published.is_completed():
        record_unpublished(built, str(published.message))
        return published
    if built.release.kept and published is None:
        seconds = (datetime.now(UTC) - started).total_seconds()
        stands = f"{built.build.recipe.name} {built.release.version} stands as it was"
        nothing = f"nothing changed: {stands} (looked for {seconds:.1f} s)"
        return Completed(name="Unchanged", message="; ".join(filter(None, [nothing, upstream])))
    tell_of(RELEASED, built, {"manifest_root": built.release.manifest_root})
    news = [built.sentence(), published.message if published else None, upstream]
    return Completed(message="; ".join(filter(None, news)), data=built)


def outcome_of(what: RefreshParameters, prepared: Build) -> Outcome | State[Any]:
    """The release, built by a run of its own where something is to be done; the state of that run where it failed."""
    if is_finished(prepared, what.version):
        return execute(prepared, what.version, run_in_threads(1), Unwatched())
    get_run_logger().info("something changed: building")
    fields = set(BuildParameters.model_fields)
    with given(prepared):
        state = build(BuildParameters(**what.model_dump(include=fields)), return_state=True)
    address = url_for("flow-run", state.state_details.flow_run_id)
    if address:
        tell(lambda: create_link_artifact(address, "Its artifacts", key="build", description="The build of this run"))
    if not state.is_completed():
        error = state.result(raise_on_failure=False)
        if isinstance(error, LockHeld):
            raise error
        return ended_as(state)
    outcome: object = state.result()
    assert isinstance(outcome, Outcome)
    return outcome


def published_to(what: RefreshParameters, built: Outcome) -> State[Any] | None:
    """The end of the run that published the release; None where it stands there already, or nowhere is asked for.

    DataError where the release is not fit to go out unseen, also where it has nowhere to go.
    """
    destination = what.publish_to
    request = destination and destination.request(str(built.release.path))
    if request and plan_for(request, open_place(request)).action == "nothing":
        return None
    hold_back(what, built)
    if destination is None:
        return None
    parameters = PublishParameters(release=str(built.release.path), **destination.model_dump())
    return ended_as(publish(parameters, return_state=True))


def hold_back(what: RefreshParameters, built: Outcome) -> None:
    """DataError, and an event, where a stage rejected a larger share of its inputs than goes out unseen."""
    above = [stage for stage in built.stages if share_rejected(stage.counts) > what.alert_above]
    for stage in above:
        share = round(share_rejected(stage.counts), 4)
        tell_of(REJECTIONS, built, {"stage": stage.name, "rejected_fraction": share, "threshold": what.alert_above})
    if above:
        worst = max(above, key=lambda stage: share_rejected(stage.counts))
        exclusions = scan_table(built.build.lake, worst.receipt.objects["exclusions"])
        raise DataError(
            f"{sentence(worst.name, worst.counts)}, more than the {what.alert_above:.1%} that a refresh lets pass "
            f"(alert_above). {most_often(exclusions)} {ways_on(what.publish_to, built)}"
        )


def ways_on(destination: Destination | None, built: Outcome) -> str:
    """What a person can do about a release that is held back."""
    name = f"{built.build.recipe.name} {built.release.version}"
    if destination is None:
        return f"{name} stands in the lake. Mend the source; or, if this is right, run with a higher alert_above."
    command = shlex.join(["medmultipoints", "publish", str(built.release.path), *destination.options()])
    return (
        f"{name} stands in the lake and is NOT published. Mend the source; or, if this is right, run `{command}`, "
        "or refresh with a higher alert_above."
    )


def tell_of(event: str, built: Outcome, payload: dict[str, Any]) -> None:
    """Send an event about the release that automations can wait for."""
    name, version = built.build.recipe.name, built.release.version
    resource = {"prefect.resource.id": f"medmultipoints.release.{name}", "prefect.resource.name": f"{name} {version}"}
    tell(lambda: emit_event(event, resource=resource, payload=payload))


def ended_as(state: State[Any]) -> State[Any]:
    """The end of a run within this one as its own: a state that is handed on would be counted, not told."""
    return State(type=state.type, name=state.name, message=state.message, data=state.data)
