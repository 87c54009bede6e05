"""Generate prefect.yaml, the deployments for sites with workers, from the deployments of ``serve``."""

from typing import Any

import yaml
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger

from medmultipoints.flows.engine.request import RefreshRequest
from medmultipoints.flows.orchestration.deployments import NIGHTLY, Schedule, Served, deployments, schedule_of
from medmultipoints.flows.orchestration.local import PATIENT

ZONE = "Europe/Oslo"
HEADER = """\
# Generated from flows/orchestration/deployments.py by `make docs`; on one machine `medmultipoints serve` is enough.
# For sites with their own server (PREFECT_API_URL):
#   prefect work-pool create local-process --type process
#   prefect --no-prompt deploy --all
#   prefect worker start --pool local-process
# Set recipe, lake, time zone and publish_to ({repo: OWNER/NAME}) for your site. Secrets are no parameters: give the
# worker HF_TOKEN. docs/operations.md describes the rest.
"""
POOL = {
    "name": "local-process",
    "job_variables": {"env": {**PATIENT, "PYTHONSAFEPATH": "1"}},
}


def render_prefect_yaml() -> str:
    """Return the file with every deployment; refresh runs every night, verify every week."""
    listed = deployments(RefreshRequest(), schedule_of(None, NIGHTLY, ZONE), ZONE)
    document = {"name": "medmultipoints", "deployments": [_deployment(one) for one in listed]}
    return HEADER + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)


def _deployment(one: Served) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": one.name,
        "description": one.flow.description,
        "entrypoint": f"{one.flow.fn.__module__}.{one.flow.fn.__name__}",
        "parameters": one.parameters,
        "tags": ["medmultipoints", *one.tags],
        "work_pool": POOL,
    }
    if one.schedule is not None:
        entry["schedules"] = [_schedule(one.schedule)]
    if one.limit is not None:
        strategy = one.limit.collision_strategy.value
        entry["concurrency_limit"] = {"limit": one.limit.limit, "collision_strategy": strategy}
    if one.triggers:
        entry["triggers"] = [_trigger(trigger) for trigger in one.triggers]
    return entry


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {**schedule.model_dump(mode="json", include={"cron", "timezone"}), "active": True}


def _trigger(trigger: DeploymentEventTrigger) -> dict[str, Any]:
    plain = trigger.model_dump(mode="json", include={"name", "enabled", "match", "match_related", "parameters"})
    return {"type": "event", "expect": sorted(trigger.expect), **plain}


class _Plain(yaml.SafeDumper):
    """A YAML dumper that repeats equal parts instead of using anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Return True, so that no part gets an anchor."""
        return True
