"""The same bytes from every runner; a runner that is not installed, or an address too many, is told before anything."""

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest, ask
from medmultipoints.flows.orchestration.build import build
from medmultipoints.flows.orchestration.runners import shard, task_runner, worth_retrying
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


def test_a_runner_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
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
