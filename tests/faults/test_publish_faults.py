"""Whatever fails at whichever request of a push: it ends published, or unpublished with a message that says what to do.

Never a tag without a whole commit, never two commits of a version, and the next run ends published.
"""

import itertools
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medmultipoints.data_lake.publish.hub import HubPlace
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import PushResult, push
from medmultipoints.transforms.errors import PipelineError
from tests.hub.fixtures import (
    awake,
    check_never_half,
    copy_repository,
    forget_files,
    history,
    hub,
    place_at,
    publish,
    repo,
    running_hub,
    versions,
)
from tests.hub.running import WRITER, TestHub

__all__ = ["hub", "repo", "running_hub", "versions"]

BASE = "acme/base-of-faults"
ACTS = (
    *(f"before {status}" for status in (401, 403, 404, 409, 412, 429, 500, 503)),
    *("before drop", "after drop", "after 500", "after 503", "before delay:0.05"),
)
WHAT_TO_DO = re.compile(
    r"(set HF_TOKEN to a token with the role write, or run `hf auth login`|: use one with the role write for .*|"
    r"check the spelling of --repo, the branch and the token|[Rr]un the same command (again|once more)(: it goes on "
    r"where it stopped| to see the new plan)?|later: it goes on where it stopped)\.$"
)
SECRET = re.compile(f"{WRITER}|sig=(?!\\*)")


@pytest.fixture
def base(hub: TestHub, versions: dict[str, Path]) -> TestHub:
    """A repository with the first version, to be copied."""
    if not hub.repository(BASE).exists():
        publish(versions["1.0.0"], BASE)
    return hub


def prepare(hub: TestHub, repo: str, versions: dict[str, Path]) -> None:
    copy_repository(hub, BASE, repo)
    forget_files(hub, versions["1.1.0"], versions["1.0.0"])
    hub.calm()


def attempt(folder: Path, repo: str) -> PushResult | str:
    """What became of a push: its result, or its message."""
    try:
        return publish(folder, repo)
    except PipelineError as error:
        return str(error)


def check_message(found: str) -> None:
    """It ends with what to do, and holds neither the token nor the signature of an address."""
    assert WHAT_TO_DO.search(found), found
    assert not SECRET.search(found), found


def check(hub: TestHub, repo: str, folder: Path, found: PushResult | str) -> None:
    """The promises, right after the fault, and after one more run where that finds something to finish."""
    hub.calm()
    check_never_half(hub, repo, folder, "1.1.0")
    if isinstance(found, str):
        check_message(found)
        if history(hub, repo) == (["initial commit", "tiny 1.0.0"], {"v1.0.0": "tiny 1.0.0"}):
            return  # nothing happened: the next run is a first one
        assert publish(folder, repo).outcome in ("finished", "unchanged")
    assert history(hub, repo) == (
        ["initial commit", "tiny 1.0.0", "tiny 1.1.0"],
        {"v1.0.0": "tiny 1.0.0", "v1.1.0": "tiny 1.1.0"},
    )


@pytest.mark.parametrize(
    "fault",
    [f"POST /commit/ {act}" for act in ACTS]
    + [f"POST /tag/ {act}" for act in ("before 403", "before 409", "before 503", "before drop", "after drop")],
)
def test_a_fault_where_something_changes(base: TestHub, repo: str, versions, fault: str) -> None:
    prepare(base, repo, versions)
    base.fault(fault)
    check(base, repo, versions["1.1.0"], attempt(versions["1.1.0"], repo))


def test_a_fault_at_every_other_request(base: TestHub, repo: str, versions) -> None:
    """One kind of fault a request, in turn; the acceptance script has all kinds at all requests."""
    folder = versions["1.1.0"]
    prepare(base, repo, versions)
    publish(folder, repo)
    requests = len(base.log)
    assert requests >= 15
    for place, act in zip(range(0, requests, 2), itertools.cycle(ACTS), strict=False):
        prepare(base, repo, versions)
        base.fault(f"* . {act} skip={place}")
        check(base, repo, folder, attempt(folder, repo))


@pytest.mark.parametrize("act", ["before 403", "before 404", "before 503 times=99", "before drop"])
def test_a_fault_while_ranges_of_files_are_read(
    base: TestHub, repo: str, versions, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medmultipoints.data_lake.publish.remote_release.SMALL", 0)
    folder = versions["2.0.0 withdrawing"]
    prepare(base, repo, versions)
    assert [holder.tag for holder in plan_push(folder, place_at(repo)).holders] == ["v1.0.0"]
    ranges = sum(row["path"].startswith("/lfs/") for row in base.log)
    assert ranges >= 8
    for place in range(0, ranges, 3):
        base.calm()
        base.fault(f"GET ^/lfs/ {act} skip={place}")
        try:
            plan_push(folder, place_at(repo))
        except PipelineError as error:
            check_message(str(error))
        else:
            assert act == "before drop"


@pytest.mark.parametrize("act", ["before 503", "before drop", "after drop", "before 403"])
def test_a_fault_while_the_repository_is_made(hub: TestHub, repo: str, versions, act: str) -> None:
    hub.fault(f"POST /api/repos/create {act}")
    attempt(versions["1.0.0"], repo)
    hub.calm()
    assert publish(versions["1.0.0"], repo).version == "1.0.0"
    assert history(hub, repo) == (["initial commit", "tiny 1.0.0"], {"v1.0.0": "tiny 1.0.0"})


def test_a_commit_that_is_answered_too_late_is_found_by_looking(base: TestHub, repo: str, versions) -> None:
    prepare(base, repo, versions)
    place = place_at(repo, timeout=0.6)
    plan = plan_push(versions["1.1.0"], place)
    base.fault("POST /commit/ after delay:1.2")
    found = push(plan, place, sleep=awake)
    assert found.outcome == "finished"
    check(base, repo, versions["1.1.0"], found)


def test_a_commit_that_only_the_last_try_makes_is_finished(base: TestHub, repo: str, versions) -> None:
    prepare(base, repo, versions)
    base.fault("POST /commit/ before 503 times=3", "POST /commit/ after drop")
    found = publish(versions["1.1.0"], repo)
    assert found.outcome == "finished"
    check(base, repo, versions["1.1.0"], found)


def test_too_many_requests_are_waited_out_as_the_hub_asks(base: TestHub, repo: str, versions) -> None:
    prepare(base, repo, versions)
    waited: list[float] = []
    place = place_at(repo)
    place._sleep = waited.append
    base.fault("GET /refs before 429 times=1 Retry-After=7", "POST /commit/ before 429 times=1 Retry-After=5000")
    assert push(plan_push(versions["1.1.0"], place), place, sleep=awake).outcome == "pushed"
    assert waited == [7.0, 60.0]


def test_a_hub_that_stays_away_is_given_up(base: TestHub, repo: str, versions) -> None:
    prepare(base, repo, versions)
    base.fault("* . before 503 times=99")
    found = attempt(versions["1.1.0"], repo)
    assert isinstance(found, str)
    assert "answered with 503" in found
    assert len(base.log) < 10


def together(folders: list[Path], repo: str) -> Iterator[PushResult | str]:
    """Publishers that all made their plan before any of them pushes."""
    ready = threading.Barrier(len(folders))
    places = [place_at(repo) for _ in folders]

    def run(folder: Path, place: HubPlace) -> PushResult | str:
        try:
            plan = plan_push(folder, place)
        except BaseException:
            ready.abort()
            raise
        ready.wait()
        try:
            return push(plan, place, sleep=awake)
        except PipelineError as error:
            return str(error)

    with ThreadPoolExecutor(len(folders)) as pool:
        yield from pool.map(run, folders, places)


def test_two_publishers_of_the_same_version_make_one_commit(base: TestHub, repo: str, versions) -> None:
    prepare(base, repo, versions)
    found = list(together([versions["1.1.0"]] * 3, repo))
    assert all(isinstance(one, PushResult) for one in found), found
    check(base, repo, versions["1.1.0"], found[0])


def test_of_two_publishers_of_different_versions_one_wins_and_nothing_is_lost(
    base: TestHub, repo: str, versions
) -> None:
    prepare(base, repo, versions)
    found = list(together([versions["1.1.0"], versions["2.0.0"]], repo))
    won = [one for one in found if isinstance(one, PushResult)]
    (stopped,) = [one for one in found if isinstance(one, str)]
    assert len(won) == 1
    assert "no longer the one that was agreed to" in stopped or "the last version there is 2.0.0" in stopped
    titles, tags = history(base, repo)
    assert titles == ["initial commit", "tiny 1.0.0", f"tiny {won[0].version}"]
    assert tags == {"v1.0.0": "tiny 1.0.0", won[0].tag: f"tiny {won[0].version}"}
