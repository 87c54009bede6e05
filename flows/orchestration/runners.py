"""Where shards are worked on: threads, processes, or a Dask or Ray cluster; chosen by configuration alone."""

import logging
import os
from collections.abc import Callable
from typing import Any, cast

from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from medmultipoints.flows.orchestration.cluster import reach_cluster
from medmultipoints.flows.orchestration.parameters import BuildParameters
from medmultipoints.transforms.errors import UsageError

Runner = TaskRunner[PrefectFuture[Any]]


def task_runner(chosen: BuildParameters) -> Runner:
    """The runner that was asked for, not started; UsageError where its package is not installed."""
    workers = chosen.workers or os.cpu_count() or 1
    reach_cluster(chosen.runner, chosen.address)
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

    logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of every step, whatever Prefect's level
    if address:
        return DaskTaskRunner(address=address)
    return DaskTaskRunner(cluster_kwargs={"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None})


def _ray(workers: int, address: str | None) -> object:
    from prefect_ray import RayTaskRunner

    if address:  # the cluster knows its own size
        return RayTaskRunner(address=address)
    return RayTaskRunner(init_kwargs={"num_cpus": workers, "include_dashboard": False})
