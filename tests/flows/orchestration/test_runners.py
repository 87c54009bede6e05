"""The same bytes from every runner; a runner that is not installed, or an address too many, is told before anything."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest, ask
from medmultipoints.flows.engine.running.run import ShardJob, inputs_of
from medmultipoints.flows.engine.stage import Build, Inputs, Output
from medmultipoints.flows.orchestration import runners
from medmultipoints.flows.orchestration.build import build
from medmultipoints.flows.orchestration.runners import lost_workers, run_with, shard, task_runner, worth_retrying
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError, MachineError, StoreError, UsageError
from tests.flows.prefect_server import quiet_server, seen


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """One server for all tests of this file."""
    with quiet_server():
        yield


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_every_runner_gives_the_same_release(
    runner: str, tmp_path: Path, recipe: str, sources: dict[str, str], first: Outcome
) -> None:
    """The first build ran in one thread of this process."""
    if runner == "dask":
        pytest.importorskip("prefect_dask", reason="the extra `dask` is not installed")
    given = {"recipe": recipe, "lake": str(tmp_path / "lake"), "sources": sources, "workers": 2, "runner": runner}
    state = build(BuildRequest.model_validate(given), return_state=True)
    assert seen(state)[0] == "Completed", seen(state)
    assert state.result().release.manifest_root == first.release.manifest_root


def test_threads_have_no_address() -> None:
    with pytest.raises(UsageError, match="only dask and ray have one; the runner is threads"):
        ask(BuildRequest, address="tcp://127.0.0.1:8786")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9"])
def test_a_scheduler_that_is_not_there_is_told_at_once(address: str, tmp_path: Path, recipe: str) -> None:
    """Before anything starts, by its own name."""
    start = time.monotonic()
    with pytest.raises(MachineError, match=f"^no Dask scheduler answers at {address} .--runner-address.: Connection"):
        prepare(BuildRequest(recipe=recipe, lake=str(tmp_path / "lake"), runner="dask", address=address), PIPELINE)
    assert time.monotonic() - start < 10
    assert not (tmp_path / "lake").exists()


def test_a_runner_that_is_not_installed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prefect_ray", None)
    with pytest.raises(UsageError, match=r"Install it with `pip install medmultipoints\[ray\]`"):
        task_runner(BuildRequest(runner="ray"))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (StoreError("no answer"), True),
        (OSError(errno.EIO, "input/output error"), True),
        (OSError(errno.ENOSPC, "full"), False),
        (MachineError("no program"), False),
        (DataError("wrong"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    run = TaskRun(task_key="shard", dynamic_key="0")
    assert worth_retrying(shard, run, Failed(data=error)) is again


def die(_build: Build, _inputs: Inputs, _shard: str) -> Output:
    """Be killed at work, as by a machine without memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_a_shard_whose_workers_are_killed_is_reported(
    runner: str, tmp_path: Path, recipe: str, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask gives it to another worker before it gives up: to one here, to three as it is shipped."""
    if runner == "dask":
        pytest.importorskip("prefect_dask", reason="the extra `dask` is not installed")
        settings = import_module("distributed").config["distributed"]["scheduler"]
        monkeypatch.setitem(settings, "allowed-failures", 1)
    given = {"recipe": recipe, "lake": str(tmp_path / "lake"), "sources": sources, "workers": 2, "runner": runner}
    request = BuildRequest.model_validate(given)
    made, stage = prepare(request, PIPELINE), replace(PIPELINE[0], work=die)

    @flow
    def only() -> None:
        with task_runner(request) as started:
            list(run_with(started, print)([ShardJob(made, stage, inputs_of(made, stage, {}), "one", "key")]))

    with pytest.raises(MachineError, match="^a worker process was killed at work") as caught:
        only()
    assert caught.value.__notes__ == ["one"]


def test_a_scheduler_that_is_gone_is_reported() -> None:
    core = pytest.importorskip("distributed.comm.core", reason="the extra `dask` is not installed")
    lost = core.CommClosedError("in <TCP (closed)>: Stream is closed")
    given = "the connection to the Dask cluster at tcp://host:1 is lost (CommClosedError). Start the cluster again"
    assert str(lost_workers(lost, "tcp://host:1")).startswith(given)
    own = "the Dask cluster of this run ended early (CommClosedError). Run again; finished work is kept."
    assert lost_workers(lost) == own


def test_another_error_of_dask_is_not_put_down_to_a_lost_cluster() -> None:
    client = pytest.importorskip("distributed.client", reason="the extra `dask` is not installed")
    assert lost_workers(client.ClosedClientError("closed"), "tcp://host:1") is None


def test_a_cluster_without_workers_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only where its address was given: a cluster of the run starts its own workers."""
    distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    monkeypatch.setattr(runners, "IDLE_SECONDS", 0.2)
    said: list[str] = []
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        with task_runner(BuildRequest(runner="dask", address=address)) as runner:
            with runners.noticing_idleness(runner, said.append):
                time.sleep(1.5)
            assert said == [
                f"waiting: the Dask scheduler at {address} has no worker. Start one with `dask worker {address}`"
            ]
            cluster.scale(1)
            runner.client.wait_for_workers(1)
            with runners.noticing_idleness(runner, said.append):
                time.sleep(0.7)
    assert len(said) == 1


def test_errors_of_the_work_itself_are_not_put_down_to_workers() -> None:
    assert [lost_workers(one) for one in (DataError("wrong"), OSError(errno.EIO, "input/output error"))] == [None, None]
