"""The Prefect flow around the pipeline: one task a shard, retries where they help, artifacts to look at."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect import State, flow, tags, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, as_completed
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task, exponential_backoff
from prefect.utilities.annotations import quote

from data_lake.store import Receipt
from flows.execute import Outcome, execute
from flows.prepare import Request, prepare
from flows.report import rejected_rows, summary_markdown
from flows.run import Observer, ShardJob, StageResult, run_shard
from flows.stage import Build
from transforms.errors import PipelineError

OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)
# What the caller prepared already: hashing gigabytes of archives twice would be felt.
PREPARED: ContextVar[Build | None] = ContextVar("prepared", default=None)
NEVER_RETRY = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def worth_retrying(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Only refusals of the operating system that may pass: a full disk or wrong data stay what they are."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OSError) and error.errno not in NEVER_RETRY


@task(
    name="shard",
    task_run_name="{job.label}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=worth_retrying,
)
def shard(job: ShardJob) -> Receipt | State[object]:
    """One shard of one stage; an error of the data is a failed state with its message, not a traceback."""
    try:
        return run_shard(job)
    except PipelineError as error:
        return Failed(message=str(error), data=error)


def name_run() -> str:
    """A name that tells what is built, as ``build audited 1.2.0``."""
    parameters = flow_run.parameters
    return " ".join(["build", Path(parameters["recipe"]).stem, parameters.get("version") or ""]).strip()


@flow(
    name="build",
    flow_run_name=name_run,
    validate_parameters=False,
    persist_result=False,
    description="Build a release: sources in, a validated and reproducible release out.",
)
def build(
    recipe: str,
    lake: str = "lake",
    sources: dict[str, str] | None = None,
    only: list[str] | None = None,
    workers: int | None = None,
    version: str | None = None,
) -> State[Outcome]:
    """Build the release of a recipe.

    Args:
        recipe: Name of a shipped recipe, or the path of a TOML file.
        lake: Folder of the data lake.
        sources: Local archive or folder of each source, by name; others are downloaded.
        only: Names of the sources to use; all of the recipe's when empty.
        workers: Threads; one per core when empty.
        version: X.Y.Z or auto; the recipe's when empty.

    """
    request = Request(recipe, lake, sources or {}, tuple(only or ()), workers, version)
    try:
        outcome = execute(PREPARED.get() or prepare(request), version, run_in_prefect, Progress(OBSERVER.get()))
    except PipelineError as error:
        get_run_logger().error(str(error))
        return Failed(message=str(error), data=error)
    create_markdown_artifact(summary_markdown(outcome), key="summary", description="What the build did")
    create_table_artifact(rejected_rows(outcome), key="rejected-rows", description="Inputs in quarantine")
    return Completed(message=outcome.sentence(), data=outcome)


def run_in_prefect(jobs: Sequence[ShardJob]) -> Iterator[tuple[ShardJob, Receipt]]:
    """A mapper that gives every shard to the flow's task runner."""
    # Quoted, so that Prefect does not walk through the job in search of futures.
    with tags(f"stage:{jobs[0].stage.name}", f"recipe:{jobs[0].build.recipe.name}"):
        futures = {shard.submit(quote(job)): job for job in jobs}  # type: ignore[call-overload]
    for future in as_completed(list(futures)):
        receipt = future.result(raise_on_failure=True)
        assert isinstance(receipt, Receipt)
        yield futures[future], receipt


def threads(workers: int | None) -> TaskRunner[PrefectFuture[Any]]:
    """The default runner: a pool of threads, one per core unless told otherwise."""
    runner: Any = ThreadPoolTaskRunner(max_workers=workers or os.cpu_count() or 1)
    return cast(TaskRunner[PrefectFuture[Any]], runner)


class Progress:
    """Tells the server, and whoever called, how far the stages are."""

    def __init__(self, inner: Observer | None) -> None:
        self.inner = inner
        artifact = create_progress_artifact(0.0, key="progress", description="Share of the current stage")
        assert isinstance(artifact, UUID)
        self.artifact = artifact
        self.shards, self.done = 0, 0

    def stage_started(self, stage: str, shards: int) -> None:
        """A stage begins with so many shards."""
        self.shards, self.done = shards, 0
        if self.inner:
            self.inner.stage_started(stage, shards)

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """One shard of the stage is stored."""
        self.done += 1
        if self.shards > 1:
            update_progress_artifact(self.artifact, 100 * self.done / self.shards)
        if self.inner:
            self.inner.shard_finished(stage, shard, inputs)

    def stage_finished(self, result: StageResult) -> None:
        """The stage's receipt is written."""
        update_progress_artifact(self.artifact, 100.0)
        if FlowRunContext.get():
            get_run_logger().info(result.sentence())
        if self.inner:
            self.inner.stage_finished(result)
