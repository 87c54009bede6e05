"""The one Prefect task, a shard of a stage, and the mapper that gives shards to a runner."""

import errno
from collections.abc import Iterator, Sequence

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.futures import as_completed
from prefect.states import Failed
from prefect.tasks import Task, exponential_backoff

from medmultipoints.data_lake.store.objects import Receipt
from medmultipoints.flows.engine.run import Mapper, ShardJob, run_shard
from medmultipoints.flows.orchestration.runners import Runner
from medmultipoints.transforms.errors import PipelineError, StoreError

NEVER_RETRY = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def worth_retrying(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Only refusals of system and object store that may pass: a full disk or wrong data stay what they are."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StoreError) or (isinstance(error, OSError) and error.errno not in NEVER_RETRY)


class Parcel:
    """A job on its way to a runner: neither Prefect nor Dask looks inside it for pieces to replace."""

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
def shard(parcel: Parcel) -> Receipt | State[object]:
    """One shard of one stage; an error of the data is a failed state with its message, not a traceback."""
    try:
        return run_shard(parcel.job)
    except PipelineError as error:
        return Failed(message=str(error), data=error)


def run_with(runner: Runner) -> Mapper:
    """A mapper that gives every shard to the runner, which is started; an error is noted with its shard."""

    def run(jobs: Sequence[ShardJob]) -> Iterator[tuple[ShardJob, Receipt]]:
        futures = {runner.submit(shard, {"parcel": Parcel(job)}): job for job in jobs}
        for future in as_completed(list(futures)):
            try:
                receipt = future.result(raise_on_failure=True)
            except Exception as error:
                error.add_note(futures[future].shard)
                raise
            assert isinstance(receipt, Receipt)
            yield futures[future], receipt

    return run
