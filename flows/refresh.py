"""Keep a release up to date: look at the sources, build what changed, publish what is new; otherwise do nothing.

Servers of sources are asked whether their files changed; builds stay with the files whose hashes are accepted.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect import State, flow, tags
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.build import build, recipe_name
from flows.execute import Outcome, execute, is_finished
from flows.flow_ends import ended, notify
from flows.given import given
from flows.parameters import BuildParameters, Destination, PublishParameters, RefreshParameters
from flows.prepare import prepare
from flows.progress import Progress, tell
from flows.publish import publish
from flows.publishing import open_place, plan_for
from flows.run import Unwatched, run_in_threads
from flows.stage import Build
from flows.upstream import look_upstream
from transforms.errors import LockHeld

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
        prepared = prepare(what.request())
        upstream = look_upstream(prepared, what.sources)
        built = outcome_of(what, prepared)
    except LockHeld as held:  # what runs elsewhere does the work: the next run finds it done
        return Completed(name="Skipped", message=f"nothing was done: {held}")
    if isinstance(built, State):
        return built
    tell_of(built, what.alert_above)
    published = published_to(what.publish_to, built)
    if isinstance(published, State) and not published.is_completed():
        return published
    if built.release.kept and published is None:
        seconds = (datetime.now(UTC) - started).total_seconds()
        stands = f"{built.build.recipe.name} {built.release.version} stands as it was"
        nothing = f"nothing changed: {stands} (looked for {seconds:.1f} s)"
        return Completed(name="Unchanged", message="; ".join(filter(None, [nothing, upstream])))
    news = [built.sentence(), published.message if isinstance(published, State) else None, upstream]
    return Completed(message="; ".join(filter(None, news)), data=built)


def outcome_of(what: RefreshParameters, prepared: Build) -> Outcome | State[Any]:
    """The release, built by a run of its own where something is to be done; the state of that run where it failed."""
    if is_finished(prepared, what.version):
        return execute(prepared, what.version, run_in_threads(1), Unwatched())
    get_run_logger().info("something changed: building")
    fields = set(BuildParameters.model_fields)
    with given(prepared):
        state = build(BuildParameters(**what.model_dump(include=fields)), return_state=True)
    if not state.is_completed():
        error = state.result(raise_on_failure=False)
        if isinstance(error, LockHeld):
            raise error
        return ended_as(state)
    outcome: object = state.result()
    assert isinstance(outcome, Outcome)
    return outcome


def tell_of(outcome: Outcome, alert_above: float) -> None:
    """Events that automations can wait for: a new release, a stage that rejected more than the threshold."""
    name, version = outcome.build.recipe.name, outcome.release.version
    if outcome.release.kept:
        return
    resource = {"prefect.resource.id": f"medmultipoints.release.{name}", "prefect.resource.name": f"{name} {version}"}
    tell(lambda: emit_event(RELEASED, resource=resource, payload={"manifest_root": outcome.release.manifest_root}))
    for stage in outcome.stages:
        share = stage.counts.get("rejected", 0) / max(stage.counts.get("in", 0), 1)
        if share > alert_above:
            told = {"stage": stage.name, "rejected_fraction": round(share, 4), "threshold": alert_above}
            tell(lambda told=told: emit_event(REJECTIONS, resource=resource, payload=told))  # type: ignore[misc]


def published_to(destination: Destination | None, built: Outcome) -> State[Any] | None:
    """The end of the run that published the release; None where it stands there already, or nowhere is asked for."""
    if destination is None:
        return None
    request = destination.request(str(built.release.path))
    if plan_for(request, open_place(request)).action == "nothing":
        return None
    parameters = PublishParameters(release=request.release, **destination.model_dump())
    return ended_as(publish(parameters, return_state=True))


def ended_as(state: State[Any]) -> State[Any]:
    """The end of a run within this one as its own: a state that is handed on would be counted, not told."""
    return State(type=state.type, name=state.name, message=state.message, data=state.data)
