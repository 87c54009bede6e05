"""A throw-away Prefect server for tests; it waits for nothing, and records task runs only where they are asked for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness


@contextmanager
def quiet_server(*, task_runs: bool = False) -> Iterator[None]:
    """Within the block flows run against a server of their own."""
    quiet = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED: task_runs}
    with temporary_settings(quiet), prefect_test_harness(server_startup_timeout=90):
        yield


def flow_runs() -> list[FlowRun]:
    """Every flow run that the server knows, the oldest first."""

    async def read() -> list[FlowRun]:
        async with get_client() as client:
            return await client.read_flow_runs()

    return sorted(asyncio.run(read()), key=lambda run: str(run.created))


def artifacts(key: str) -> list[Artifact]:
    """Every artifact of that key."""

    async def read() -> list[Artifact]:
        async with get_client() as client:
            wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
            return await client.read_artifacts(artifact_filter=wanted)

    return sorted(asyncio.run(read()), key=lambda one: str(one.created))


def seen(state: State[Any]) -> tuple[str, str]:
    """Name and message of the state that a run ended in."""
    return str(state.name), str(state.message)
