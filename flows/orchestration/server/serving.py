"""Serve the deployments from a local Prefect server until a signal; ``medmultipoints serve`` runs this."""

import asyncio
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.runner import Runner
from prefect.states import Crashed

from medmultipoints.flows.orchestration.deployments import Served
from medmultipoints.flows.orchestration.flow_runs import SERVED_BY

NAME = "medmultipoints"
UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED]
LOST = "its process ended; the next run continues where it stopped"
ORPHANS_SECONDS = 20
# The server does not answer, or does not know the run (yet).
AWAY = (httpx.HTTPError, PrefectHTTPStatusError, ObjectNotFound)

log = logging.getLogger(__name__)


def serve(served: Sequence[Served], ready: Callable[[datetime | None], None]) -> None:
    """Serve the deployments until SIGINT or SIGTERM, then cancel running flow runs."""
    os.environ[SERVED_BY] = str(os.getpid())
    asyncio.run(_serve(served, ready))


async def _serve(served: Sequence[Served], ready: Callable[[datetime | None], None]) -> None:
    await mark_stale_runs_crashed()
    await remove_other_deployments({one.name for one in served})
    runner = Runner(name=NAME, pause_on_shutdown=False, query_seconds=2)
    for one in served:
        await runner.aadd_flow(
            one.flow,
            name=one.name,
            parameters=one.parameters,
            schedules=[one.schedule] if one.schedule else [],
            concurrency_limit=one.limit,
            triggers=list(one.triggers),
            description=one.flow.description,
            tags=[NAME, *one.tags],
        )
    stopped = asyncio.Event()
    running = asyncio.create_task(runner.start())
    await asyncio.sleep(0)  # by now it has set its own handler for SIGTERM
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ready(await next_run(served))
    watching = asyncio.create_task(watch_for_orphans())
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
        return
    watching.cancel()
    await let_finished_end()
    await runner.astop()
    await asyncio.wait({running}, timeout=10)


async def remove_other_deployments(names: set[str]) -> None:
    """Remove deployments of an earlier ``serve`` that this one does not offer: their schedules would continue."""
    async with get_client() as client:
        ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[NAME]))
        for deployment in await client.read_deployments(deployment_filter=ours):
            if deployment.name not in names:
                await client.delete_deployment(deployment.id)


async def next_run(served: Sequence[Served]) -> datetime | None:
    """Return when the first scheduled deployment is due; None without a schedule."""
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

    schedule = next((one.schedule for one in served if one.schedule), None)
    if schedule is None:
        return None
    kind = CronSchedule if hasattr(schedule, "cron") else IntervalSchedule
    return (await kind.model_validate(schedule.model_dump()).get_dates(1))[0]


async def let_finished_end(seconds: float = 10) -> None:
    """Wait for processes of ended runs, which the runner would mark cancelled; skip this if the server is gone."""
    deadline = time.monotonic() + seconds
    with suppress(*AWAY):
        while multiprocessing.active_children() and time.monotonic() < deadline:
            async with get_client() as client:
                if await client.read_flow_runs(flow_run_filter=in_states(*UNDER_WAY)):
                    return
            await asyncio.sleep(0.5)


async def watch_for_orphans() -> None:
    """Mark orphans as crashed every 20 s; if the server does not answer, retry the next time."""
    while True:
        await asyncio.sleep(ORPHANS_SECONDS)
        try:
            await mark_orphans_crashed()
        except AWAY as error:
            log.warning("could not check for orphaned runs: %s", error)


async def mark_orphans_crashed() -> None:
    """Mark runs as crashed whose parent run has ended before them."""
    async with get_client() as client:
        for run in await client.read_flow_runs(flow_run_filter=in_states(StateType.RUNNING)):
            if run.parent_task_run_id is None:
                continue
            within = (await client.read_task_run(run.parent_task_run_id)).flow_run_id
            around = await client.read_flow_run(within) if within else None
            if around and around.state and around.state.is_final():
                await client.set_flow_run_state(run.id, Crashed(message=LOST), force=True)


def in_states(*types: StateType) -> FlowRunFilter:
    """Return a filter for runs in states of these types."""
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))))


async def mark_stale_runs_crashed() -> int:
    """Mark runs of an earlier server as crashed, so that they hold no slot; return their number."""
    async with get_client() as client:
        left = await client.read_flow_runs(flow_run_filter=in_states(*UNDER_WAY))
        for run in left:
            await client.set_flow_run_state(run.id, Crashed(message=LOST), force=True)
    return len(left)
