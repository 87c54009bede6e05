"""Define the deployments of ``medmultipoints serve``; ``prefect.yaml`` is generated from them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.flows import Flow

from medmultipoints.flows.engine.request import Destination, RefreshRequest, VerifyRequest
from medmultipoints.flows.orchestration.build import build
from medmultipoints.flows.orchestration.flow_runs import recipe_tag
from medmultipoints.flows.orchestration.notifications import alert
from medmultipoints.flows.orchestration.publish import publish
from medmultipoints.flows.orchestration.refresh import REJECTIONS, refresh
from medmultipoints.flows.orchestration.verify import verify
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.transforms.errors import UsageError

NIGHTLY, WEEKLY = "0 2 * * *", "0 6 * * 1"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# An overlapping refresh is dropped, because the next one does its work. Other runs wait for their turn.
DROP = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
WAIT = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)


def _of_refresh(name: str, states: set[str], details: str) -> DeploymentEventTrigger:
    """Return a trigger for states of the flow refresh; never of the alert itself, which would start itself for ever."""
    return DeploymentEventTrigger(
        name=name,
        enabled=True,
        expect={f"prefect.flow-run.{state}" for state in states},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "flow", "prefect.resource.name": "refresh"},
        parameters={"subject": name, "details": f"{{{{ event.resource.name }}}}: {details}"},
    )


# The triggers of the flow ``alert``.
AUTOMATIONS = (
    _of_refresh(
        "a refresh failed", {"Failed", "Crashed", "TimedOut"}, "{{ event.payload['validated_state']['message'] }}"
    ),
    _of_refresh("a refresh waits for a review", {"Paused"}, "its artifact `review` has the findings; Resume goes on"),
    DeploymentEventTrigger(
        name="many rejections",
        enabled=True,
        expect={REJECTIONS},
        match={"prefect.resource.id": "medmultipoints.release.*"},
        parameters={
            "subject": "many inputs were rejected",
            "details": "{{ event.resource.name }}: stage {{ event.payload.stage }} rejected "
            "{{ event.payload.rejected_fraction }} of its inputs",
        },
    ),
)

Schedule = CronSchedule | IntervalSchedule


@dataclass(frozen=True, slots=True)
class Served:
    """One deployment: description, flow, parameters, schedule and concurrency limit."""

    name: str
    flow: Flow[..., Any]
    parameters: dict[str, Any]
    schedule: Schedule | None
    limit: ConcurrencyLimitConfig | None = None
    tags: tuple[str, ...] = ()
    triggers: tuple[DeploymentEventTrigger, ...] = ()


def deployments(what: RefreshRequest, schedule: Schedule | None, timezone: str) -> tuple[Served, ...]:
    """Return every deployment: refresh on the schedule, verify weekly if there is a schedule, the others on request."""
    destination: Destination | None = what.publish_to
    weekly = CronSchedule(cron=WEEKLY, timezone=timezone) if schedule else None
    recipe = load_recipe(what.recipe).name
    tagged = (recipe_tag(recipe),)
    verified = VerifyRequest(recipe=recipe, lake=what.lake, published_at=destination)
    built = what.build().model_dump()
    return (
        Served(f"keep {recipe} up to date", refresh, {"what": what.model_dump()}, schedule, DROP, tagged),
        Served(f"check the newest {recipe}", verify, {"what": verified.model_dump()}, weekly, WAIT, tagged),
        Served(f"build {recipe}", build, {"what": built}, None, WAIT, tagged),
        Served("publish a release", publish, {}, None, WAIT),
        Served("notify a person", alert, {}, None, triggers=AUTOMATIONS),
    )


def schedule_of(every: str | None, cron: str | None, timezone: str) -> Schedule | None:
    """Return the schedule of ``--every 15m`` or ``--cron "0 2 * * *"``, None for neither; UsageError if invalid."""
    if every and cron:
        raise UsageError("give either --every or --cron.")
    try:
        if every:
            return IntervalSchedule(interval=interval_of(every), timezone=timezone)
        return CronSchedule(cron=cron, timezone=timezone) if cron else None
    except ValueError as error:
        wrong = "; ".join(str(problem["msg"]) for problem in getattr(error, "errors", list)())
        asked = f"--every {every}" if every else f"--cron '{cron}'"
        raise UsageError(f"{asked}, --timezone {timezone}: {wrong or error}.") from error


def interval_of(every: str) -> timedelta:
    """Return the time between two runs; UsageError for an invalid text."""
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", every, re.ASCII)
    if not found or int(found[1]) == 0:
        raise UsageError(f"--every {every}: write a number and s, m, h or d, for example 15m.")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])
