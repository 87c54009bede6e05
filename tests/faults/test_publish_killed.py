"""``kill -9`` in the middle of a push: the next run ends with one commit and one tag.

The test Hub holds the answer of a request back, so that the moment is a known one; the acceptance script takes
random moments.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.fixtures import (
    check_never_half,
    copy_repository,
    forget_files,
    history,
    hub,
    publish,
    repo,
    running_hub,
    versions,
)
from tests.hub.running import TestHub

__all__ = ["hub", "repo", "running_hub", "versions"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["medmultipoints.data_lake.publish.push", "huggingface_hub", "tests.hub.fixtures"])
BASE = "acme/base-of-kills"
LATE = 20.0
LONGEST_WAIT = 60.0


def push_in_child(folder: str, repo: str, environment: dict[str, str]) -> None:
    os.environ |= environment
    import huggingface_hub.constants

    huggingface_hub.constants.HF_HUB_DISABLE_XET = True
    publish(Path(folder), repo)


def commits(hub: TestHub, repo: str) -> int:
    return len(history(hub, repo)[0])


MOMENTS: dict[str, tuple[str, Callable[[TestHub, str], bool]]] = {
    "while files are sent": ("PUT /lfs/ before", lambda hub, _: any(row["method"] == "PUT" for row in hub.log)),
    "before the commit": ("POST /commit/ before", lambda hub, _: any("/commit/" in row["path"] for row in hub.log)),
    "after the commit": ("POST /commit/ after", lambda hub, repo: commits(hub, repo) == 3),
    "before the tag": ("POST /tag/ before", lambda hub, _: any("/tag/" in row["path"] for row in hub.log)),
    "after the tag": ("POST /tag/ after", lambda hub, repo: "v1.1.0" in history(hub, repo)[1]),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_push_that_was_killed_is_finished_by_the_next(hub: TestHub, repo: str, versions, moment: str) -> None:
    if not hub.repository(BASE).exists():
        publish(versions["1.0.0"], BASE)
    copy_repository(hub, BASE, repo)
    forget_files(hub, versions["1.1.0"], versions["1.0.0"])
    hub.calm()
    fault, reached = MOMENTS[moment]
    hub.fault(f"{fault} delay:{LATE}")
    told = {name: os.environ[name] for name in ("HF_ENDPOINT", "HF_TOKEN")}
    child = CONTEXT.Process(target=push_in_child, args=(str(versions["1.1.0"]), repo, told))
    child.start()
    deadline = time.monotonic() + LONGEST_WAIT
    while not reached(hub, repo):
        assert child.is_alive(), "the push ended before it was killed"
        assert time.monotonic() < deadline, "the moment did not come"
        pause()
    child.kill()
    child.join()
    hub.calm()
    check_never_half(hub, repo, versions["1.1.0"], "1.1.0")
    publish(versions["1.1.0"], repo)
    assert history(hub, repo) == (
        ["initial commit", "tiny 1.0.0", "tiny 1.1.0"],
        {"v1.0.0": "tiny 1.0.0", "v1.1.0": "tiny 1.1.0"},
    )


def pause() -> None:
    """A moment: ``time.sleep`` does nothing in tests of publishing."""
    multiprocessing.connection.wait([], timeout=0.05)
