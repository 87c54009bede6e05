"""A throw-away Prefect server for tests; it waits for nothing, and records task runs only where they are asked for."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.context import _temporary_global_settings_context, get_settings_context
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED,
    temporary_settings,
)

from medmultipoints.flows.orchestration.server.embedded_server import embedded_server


@contextmanager
def quiet_server(*, task_runs: bool = False) -> Iterator[tuple[str, Path]]:
    """Within the block flows run against a server of their own, as one build has; its address and its folder."""
    recorded = {PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED.name: str(task_runs).lower()}
    with (
        TemporaryDirectory() as folder,
        patch.dict(os.environ, recorded),
        embedded_server(Path(folder)) as url,
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_API_URL: url}),
        _temporary_global_settings_context(get_settings_context()),  # for threads, as in Prefect's own harness
    ):
        yield url, Path(folder)
        APILogWorker.instance().drain()  # what is queued for this server would go to the next one
        EventsWorker.drain_all()


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
