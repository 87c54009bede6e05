"""Report the progress of a run to the Prefect UI; an unreachable server does not stop the work."""

import logging
import time
from collections.abc import Callable
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_run_logger

from medmultipoints.flows.engine.running.run import Observer, StageResult, Unwatched
from medmultipoints.flows.stages.pipeline import PIPELINE

SECONDS_BETWEEN = 1.0
"""People read no faster; a build of small stages would wait for the server sixty times."""


def call_api(call: Callable[[], object]) -> object:
    """Call the Prefect API; log a warning and return None if it is unreachable (artifacts are best effort)."""
    try:
        return call()
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        logging.getLogger(__name__).warning("no answer from the Prefect API: %s", error)
        return None


class Progress:
    """Reports the stages to the server and to the caller's observer; stores the current stage."""

    def __init__(self, inner: Observer | None = None) -> None:
        self.inner = inner or Unwatched()
        self.stage = ""
        self.artifact: object = None
        self.shards, self.done = 0, 0
        self.shown_at = 0.0

    def stage_started(self, stage: str, shards: int) -> None:
        """Report that a stage with this number of shards begins."""
        self.stage, self.shards, self.done = stage, shards, 0
        if self.artifact is None:
            self.artifact = call_api(lambda: create_progress_artifact(0.0, key="progress", description="Of one stage"))
        self._show(0.0)
        self.inner.stage_started(stage, shards)

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """Report that one shard of the stage is stored."""
        self.done += 1
        if self.shards > 1:
            self._show(100 * self.done / self.shards)
        self.inner.shard_finished(stage, shard, inputs)

    def stage_finished(self, result: StageResult) -> None:
        """Report that the stage's receipt is written."""
        self.stage = result.name  # the rejection limit is checked after this
        if not result.kept:
            self._show(100.0, last=result.name == PIPELINE[-1].name)
        if FlowRunContext.get():
            get_run_logger().info(result.sentence())
        self.inner.stage_finished(result)

    def say(self, text: str) -> None:
        """Log a message about the run."""
        if FlowRunContext.get():
            get_run_logger().info(text)
        self.inner.say(text)

    def _show(self, percent: float, *, last: bool = False) -> None:
        artifact, now = self.artifact, time.monotonic()
        if isinstance(artifact, UUID) and (last or now - self.shown_at >= SECONDS_BETWEEN):
            self.shown_at = now
            shown = f"Stage {self.stage}: {self.done} of {self.shards} shards"
            call_api(lambda: update_progress_artifact(artifact, percent, description=shown))
