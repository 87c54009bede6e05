"""How far a run is, as the Prefect UI shows it; a server that is away for a while stops no work."""

import logging
from collections.abc import Callable
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_run_logger

from medmultipoints.flows.engine.run import Observer, StageResult


def tell(call: Callable[[], object]) -> object:
    """What a call to the server gives; None, with a warning, where it does not answer: pictures are no results."""
    try:
        return call()
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        logging.getLogger(__name__).warning("the Prefect server was not told: %s", error)
        return None


class Progress:
    """Tells the server, and whoever called, how far the stages are; knows the stage that is at work."""

    def __init__(self, inner: Observer | None = None) -> None:
        self.inner = inner
        self.stage = ""
        self.artifact: object = None
        self.shards, self.done = 0, 0

    def stage_started(self, stage: str, shards: int) -> None:
        """A stage begins with so many shards."""
        self.stage, self.shards, self.done = stage, shards, 0
        if self.artifact is None:
            self.artifact = tell(lambda: create_progress_artifact(0.0, key="progress", description="Of one stage"))
        self._show(0.0)
        if self.inner:
            self.inner.stage_started(stage, shards)

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """One shard of the stage is stored."""
        self.done += 1
        if self.shards > 1:
            self._show(100 * self.done / self.shards)
        if self.inner:
            self.inner.shard_finished(stage, shard, inputs)

    def stage_finished(self, result: StageResult) -> None:
        """The stage's receipt is written."""
        self.stage = result.name  # what may still follow: the limit of rejections
        if not result.kept:
            self._show(100.0)
        if FlowRunContext.get():
            get_run_logger().info(result.sentence())
        if self.inner:
            self.inner.stage_finished(result)

    def say(self, text: str) -> None:
        """A word about the run."""
        if FlowRunContext.get():
            get_run_logger().info(text)
        if self.inner:
            self.inner.say(text)

    def _show(self, percent: float) -> None:
        artifact = self.artifact
        if isinstance(artifact, UUID):
            told = f"Stage {self.stage}: {self.done} of {self.shards} shards"
            tell(lambda: update_progress_artifact(artifact, percent, description=told))
