"""Define the one Prefect task, a shard of a stage, and its runner: threads, processes, or a Dask or Ray cluster."""

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, cast
from uuid import UUID

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import RunInput, TaskRun, TaskRunResult
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Failed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task, exponential_backoff

from medmultipoints.flows.engine.prepare import reach_cluster
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Mapper, ShardJob, ShardResult, run_shard
from medmultipoints.flows.engine.stage import Stage
from medmultipoints.transforms.errors import MachineError, PipelineError, StoreError, UsageError

Runner = TaskRunner[PrefectFuture[Any]]
LOST = {"CommClosedError", "FatalCommClosedError", "FutureCancelledError", "FuturesCancelledError", "RPCClosed"}
"""Errors of Dask that mean that its scheduler, or the way to it, is gone."""
IDLE_SECONDS = 10.0
"""How long a cluster may have no worker before the run says so."""
NEVER_RETRY = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def task_runner(chosen: BuildRequest) -> Runner:
    """Return the requested runner, not started; UsageError if its package is not installed."""
    workers = chosen.workers or os.cpu_count() or 1
    reach_cluster(chosen)
    makers: dict[str, Callable[[], object]] = {
        "threads": lambda: ThreadPoolTaskRunner(max_workers=workers),
        "processes": lambda: ProcessPoolTaskRunner(max_workers=workers),
        "dask": lambda: _dask(workers, chosen.address),
        "ray": lambda: _ray(workers, chosen.address),
    }
    try:
        return cast(Runner, makers[chosen.runner]())
    except ImportError as error:
        raise UsageError(
            f"runner {chosen.runner}: {error}. Install it with `pip install medmultipoints[{chosen.runner}]`."
        ) from error


def _dask(workers: int, address: str | None) -> object:
    from prefect_dask import DaskTaskRunner

    logging.getLogger("distributed").setLevel(logging.WARNING)  # it logs every step, at any level of Prefect
    if address:
        return DaskTaskRunner(address=address)
    return DaskTaskRunner(cluster_kwargs={"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None})


def _ray(workers: int, address: str | None) -> object:
    from prefect_ray import RayTaskRunner

    if address:  # the cluster knows its own size
        return RayTaskRunner(address=address)
    return RayTaskRunner(init_kwargs={"num_cpus": workers, "include_dashboard": False})


def worth_retrying(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Return whether an error may be temporary: from system or object store, but not a full disk or invalid data."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StoreError) or (isinstance(error, OSError) and error.errno not in NEVER_RETRY)


class Parcel:
    """A job on its way to a runner, opaque, so that neither Prefect nor Dask traverses it."""

    def __init__(self, job: ShardJob) -> None:
        self.job = job

    @property
    def label(self) -> str:
        return self.job.label


@task(
    name="shard",
    task_run_name="{parcel.label}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=worth_retrying,
)
def shard(parcel: Parcel) -> ShardResult | State[object]:
    """Run one shard of one stage; an error of the data is a failed state with its message, without a traceback."""
    try:
        return run_shard(parcel.job)
    except PipelineError as error:
        return Failed(message=str(error), data=error)


@task(
    name="stage",
    task_run_name="{stage}: all {shards} shards",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def stage_end(stage: str, shards: int) -> None:
    """Join the shards of a stage in the graph of the run page."""


class StageGraph:
    """The graph on the run page: shards follow the stages that their stage reads.

    Indirect inputs are left out to keep the graph readable.
    """

    def __init__(self) -> None:
        self._ends: dict[str, UUID] = {}
        self._behind: dict[str, frozenset[str]] = {}

    def inputs(self, stage: Stage) -> dict[str, set[RunInput]]:
        """Return what a shard of the stage follows: the ends of stages that ran.

        Prefect joins them to the inputs of a parameter of the task, and fails for any other key.
        """
        ran = [name for name in stage.reads if name in self._ends]
        behind = frozenset().union(*(self._behind[name] for name in ran))
        self._behind[stage.name] = behind.union(ran)
        return {"parcel": {TaskRunResult(id=self._ends[name]) for name in ran if name not in behind}}

    def close(self, stage: Stage, shards: Sequence[PrefectFuture[Any]]) -> None:
        """Record the end of a stage: its only shard, or a task run that follows all of its shards."""
        end = shards[0].task_run_id
        if len(shards) > 1:
            state = stage_end(stage.name, len(shards), wait_for=shards, return_state=True)
            end = state.state_details.task_run_id or end
        self._ends[stage.name] = end


def result_of(future: PrefectFuture[Any], address: str | None) -> object:
    """Return the result of a shard; MachineError if its workers or the cluster at the address are gone."""
    try:
        return cast(object, future.result(raise_on_failure=True))
    except Exception as error:
        if said := lost_workers(error, address):
            raise MachineError(said) from error
        raise


def lost_workers(error: Exception, address: str | None = None) -> str | None:
    """Return what to do about workers, or the cluster at the address, that are gone; None for any other error."""
    if isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker":
        return (
            "a worker process was killed at work, most often because memory ran out. "
            "Use fewer --workers or give them more memory, then run again; finished work is kept."
        )
    name = type(error).__name__
    if type(error).__module__.partition(".")[0] != "distributed" or name not in LOST:
        return None
    if address is None:
        return f"the Dask cluster of this run ended early ({name}). Run again; finished work is kept."
    return (
        f"the connection to the Dask cluster at {address} is lost ({name}). Start the cluster again, "
        "or omit --runner-address for a cluster of this run, then run again; finished work is kept."
    )


@contextmanager
def noticing_idleness(runner: Runner, say: Callable[[str], None]) -> Iterator[None]:
    """Say once, during the block, that a Dask cluster given by its address has had no worker for a while."""
    address, ended = getattr(runner, "address", None), threading.Event()
    if address and type(runner).__name__ == "DaskTaskRunner":
        watched = (_watch, cast(Any, runner).client, address, ended, say)
        threading.Thread(target=copy_context().run, args=watched, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _watch(client: Any, address: str, ended: threading.Event, say: Callable[[str], None]) -> None:
    while not ended.wait(IDLE_SECONDS):
        try:
            idle = not client.nthreads()
        except (OSError, RuntimeError):  # the scheduler is gone: the shards' own errors say so
            return
        if idle and not ended.is_set():
            say(f"waiting: the Dask scheduler at {address} has no worker. Start one with `dask worker {address}`")
            return


def run_with(runner: Runner, say: Callable[[str], None]) -> Mapper:
    """Return a mapper that submits every shard to the started runner; an error carries a note with its shard."""
    graph, address = StageGraph(), getattr(runner, "address", None)

    def run(jobs: Sequence[ShardJob]) -> Iterator[tuple[ShardJob, ShardResult]]:
        stage = jobs[0].stage
        dependencies = graph.inputs(stage)
        futures = {runner.submit(shard, {"parcel": Parcel(job)}, dependencies=dependencies): job for job in jobs}
        with noticing_idleness(runner, say):
            for future in as_completed(list(futures)):
                try:
                    result = result_of(future, address)
                except Exception as error:
                    error.add_note(futures[future].shard)
                    raise
                assert isinstance(result, ShardResult)
                yield futures[future], result
        graph.close(stage, list(futures))

    return run
