"""Keep a release up to date: check the sources, build what changed, publish what is new; otherwise do nothing.

The servers of sources are asked whether their files changed; builds still use only files with accepted hashes.
"""

import shlex
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect import State, flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.utilities.urls import url_for

from medmultipoints.data_lake.fetch.upstream import Answer, ask_servers, keep_answers
from medmultipoints.data_lake.store.parquet_tables import scan_table
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.planning.plan import plan_build
from medmultipoints.flows.engine.prepare import prepare_attempt
from medmultipoints.flows.engine.publishing import open_place, plan_for
from medmultipoints.flows.engine.request import Destination, RefreshRequest
from medmultipoints.flows.engine.running.recording import record_unpublished
from medmultipoints.flows.engine.running.rejections import most_often, sentence, share_rejected
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.orchestration.build import build
from medmultipoints.flows.orchestration.flow_runs import (
    Handed,
    Progress,
    as_flow_state,
    call_api,
    handed_over,
    tag_run,
)
from medmultipoints.flows.orchestration.notifications import notify
from medmultipoints.flows.orchestration.publish import publish
from medmultipoints.flows.orchestration.review import DAYS, ask_reviewer, undecided, waiting_elsewhere
from medmultipoints.flows.stages.pipeline import PIPELINE, refuse_early
from medmultipoints.transforms.errors import DataError, LockHeld, PipelineError
from medmultipoints.transforms.reporting.hidden import as_cell

REJECTIONS = "medmultipoints.rejections-above-threshold"
RELEASED = "medmultipoints.released"
LOUD = ("changed", "not reachable")


def name_run() -> str:
    """Return the name of the run, such as ``refresh audited 2026-11-21``."""
    what = RefreshRequest.model_validate(flow_run.parameters["what"])
    return f"refresh {what.label} {datetime.now(UTC):%Y-%m-%d}"


@flow(
    name="refresh",
    flow_run_name=name_run,
    persist_result=False,
    on_failure=[notify],
    on_crashed=[notify],
    description="Look at the sources; build, validate, release and publish if something changed.",
)
def refresh(what: RefreshRequest = RefreshRequest()) -> State[Any]:  # noqa: B008 (frozen)
    """Keep a release up to date.

    Args:
        what: Recipe, lake, sources, version, runner, and where new versions go.

    """
    return as_flow_state(partial(_refresh, what), Progress())


def _refresh(what: RefreshRequest, _progress: Progress) -> State[Any]:
    started = datetime.now(UTC)
    try:
        prepared = prepare_attempt(what.build(), PIPELINE)
        tag_run(prepared.recipe.name)
        upstream = check_upstream(prepared)
        built = outcome_of(what, prepared)
        if isinstance(built, State):
            return built
        built, published = published_or_recorded(what, built)
    except LockHeld as held:  # the other run does the work; the next run finds it done
        return Completed(name="Skipped", message=f"nothing was done: {held}")
    if published and published.name != "Completed":  # failed, or held back by a reviewer
        record_unpublished(built.build.lake, built.started, str(published.message))
        return published
    if built.release.kept and published is None:
        seconds = (datetime.now(UTC) - started).total_seconds()
        name = f"{built.build.recipe.name} {built.release.version}"
        nothing = f"nothing changed: {name} is up to date (checked in {seconds:.1f} s)"
        return Completed(name="Unchanged", message="; ".join(filter(None, [nothing, upstream])))
    emit(RELEASED, built, {"manifest_root": built.release.manifest_root})
    news = [built.sentence(), published.message if published else None, upstream]
    return Completed(message="; ".join(filter(None, news)), data=built)


def outcome_of(what: RefreshRequest, prepared: Build) -> Outcome | State[Any]:
    """Return the release, built by its own run if something changed; the state of that run if it failed."""
    plan = plan_build(prepared, PIPELINE)
    if plan.is_finished:
        return execute(prepared, PIPELINE, run_in_threads(1), Unwatched(), plan)
    refuse_early(prepared)
    get_run_logger().info("something changed: building")
    with handed_over(Handed(prepared)):
        state = build(what.build(), return_state=True)
    address = url_for("flow-run", state.state_details.flow_run_id)
    if address:
        about = "The build of this run"
        call_api(create_link_artifact, address, "Its artifacts", key="build", description=about)
    if not state.is_completed():
        error = state.result(raise_on_failure=False)
        if isinstance(error, LockHeld):
            raise error
        return own_state(state)
    outcome: object = state.result()
    assert isinstance(outcome, Outcome)
    return outcome


def published_or_recorded(what: RefreshRequest, built: Outcome) -> tuple[Outcome, State[Any] | None]:
    """Publish the release; if an error prevents that, the run record says so."""
    try:
        return published_to(what, built)
    except PipelineError as error:
        record_unpublished(built.build.lake, built.started, str(error))
        raise


def published_to(what: RefreshRequest, built: Outcome) -> tuple[Outcome, State[Any] | None]:
    """Return the release and the state of its publishing run; None if it is published or has no destination.

    It is another release if a reviewer asked for one with decisions about its findings. DataError if too many inputs
    were rejected, even without a destination.
    """
    destination = what.publish_to
    if destination is None:
        check_rejection_rate(what, built)
        return built, None
    request = destination.request(str(built.release.path))
    plan = plan_for(request, open_place(request))
    if plan.action == "nothing":
        return built, None
    check_rejection_rate(what, built)
    reviewed = reviewed_release(what, built)
    if isinstance(reviewed, State):
        return built, reviewed
    if reviewed is not built:
        return published_to(what, reviewed)
    with handed_over(Handed(plan=plan)):
        return built, own_state(publish(request, return_state=True))


def reviewed_release(what: RefreshRequest, built: Outcome) -> Outcome | State[Any]:
    """Return the release if none of its findings is undecided, or the one built with the decisions.

    The state of this run if it ends here; DataError if nobody decided.
    """
    findings = undecided(built, what.review_from) if what.review_from else None
    if findings is None:
        warn_of_findings(built)
        return built
    if findings.is_empty():
        return built
    name = f"{built.build.recipe.name} {built.release.version}"
    if other := waiting_elsewhere(built.build.recipe.name):
        raise LockHeld(f"{other} waits for a review of {built.build.recipe.name} already")
    get_run_logger().info("%s: %d findings wait for a review", name, findings.height)
    answer = ask_reviewer(built, findings)
    if answer == "publish as it is":
        return built
    if answer == "publish nothing":
        return Completed(name="Held back", message=f"{name} is not published, as a person decided")
    if answer is None:
        raise DataError(
            f"{name}: nobody reviewed its {findings.height:,} findings in {DAYS} days. "
            f"{ways_on(what.publish_to, built)}"
        )
    return outcome_of(what, prepare_attempt(what.build(), PIPELINE))


def warn_of_findings(built: Outcome) -> None:
    """Log the number of undecided findings of a release before its publication."""
    grave = undecided(built, "warning")
    if grave.height:
        get_run_logger().warning(
            "%d errors and warnings of the audit have no decision; review_from (--review-from error) would hold the "
            "release back until they have",
            grave.height,
        )


def check_rejection_rate(what: RefreshRequest, built: Outcome) -> None:
    """Raise DataError and emit an event if a stage rejected a larger share of its inputs than ``alert_above``."""
    above = [stage for stage in built.stages if share_rejected(stage.counts) > what.alert_above]
    for stage in above:
        share = round(share_rejected(stage.counts), 4)
        emit(REJECTIONS, built, {"stage": stage.name, "rejected_fraction": share, "threshold": what.alert_above})
    if above:
        worst = max(above, key=lambda stage: share_rejected(stage.counts))
        exclusions = scan_table(built.build.lake, worst.receipt.objects["exclusions"])
        raise DataError(
            f"{sentence(worst.name, worst.counts)}, more than the {what.alert_above:.1%} that a refresh publishes "
            f"(alert_above). {most_often(exclusions)} {ways_on(what.publish_to, built)}"
        )


def ways_on(destination: Destination | None, built: Outcome) -> str:
    """Return the possible actions for a release that was not published."""
    name = f"{built.build.recipe.name} {built.release.version}"
    if destination is None:
        return f"{name} is in the lake. Correct the source; or, if this is right, run with a higher alert_above."
    command = shlex.join(["medmultipoints", "publish", str(built.release.path), *destination.options()])
    return (
        f"{name} is in the lake and is NOT published. Correct the source; or, if this is right, run `{command}`, "
        "or refresh with a higher alert_above."
    )


def emit(event: str, built: Outcome, payload: dict[str, Any]) -> None:
    """Emit an event about the release for automations."""
    name, version = built.build.recipe.name, built.release.version
    resource = {"prefect.resource.id": f"medmultipoints.release.{name}", "prefect.resource.name": f"{name} {version}"}
    call_api(emit_event, event, resource=resource, payload=payload)


def own_state(state: State[Any]) -> State[Any]:
    """Return a copy of an inner run's state: Prefect would replace the state itself by a count of states."""
    return State(type=state.type, name=state.name, message=state.message, data=state.data)


def check_upstream(build: Build) -> str:
    """Return, for the run's message, which sources changed at their servers; an error only logs a warning."""
    log = get_run_logger()
    own = {source.name: source.fingerprint.path for source in build.sources}
    given = {name: str(path) for name, path in own.items() if not path.is_relative_to(build.lake.landing / name)}
    try:
        answers = ask_servers([source.info for source in build.sources], given, build.lake.landing)
        keep_answers(build.lake, answers)
    except Exception as error:  # noqa: BLE001 (servers never fail a refresh)
        log.warning("the servers of the sources could not be asked: %s: %s", type(error).__name__, error)
        return ""
    for answer in answers:
        (log.warning if answer.verdict in LOUD else log.info)(answer.sentence())
    shown = upstream_markdown(answers)
    call_api(create_markdown_artifact, shown, key="sources", description="Files at the servers of the sources")
    changed = sorted({answer.source for answer in answers if answer.verdict == "changed"})
    return f"changed at its server: {', '.join(changed)} (see the artifact sources)" if changed else ""


def upstream_markdown(answers: list[Answer]) -> str:
    """Return the artifact as Markdown: one line per downloaded file or local source."""
    rows = "\n".join(
        f"| {one.source} | {as_cell(one.file)} | {one.verdict} | {as_cell(one.detail)} |" for one in answers
    )
    return (
        "# Sources at their servers\n\nA build takes only files whose sha256 the catalogue accepts, so a change at "
        f"a server never enters a release by itself.\n\n"
        f"| source | file | verdict | details |\n|---|---|---|---|\n{rows}\n"
    )
