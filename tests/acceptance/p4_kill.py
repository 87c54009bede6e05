"""``kill -9`` at 20 random moments of a push; run again: one commit, one tag, every file as it was pushed."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import small
from tests.acceptance.publishing import apart, own_hub, seeded
from tests.hub.fixtures import check_never_half, copy_repository, forget_files, history, publish, write_versions
from tests.hub.running import TestHub

BASE, REPO = "acme/base", "acme/killed"
CHILD = (
    "import sys; from pathlib import Path; from tests.hub.fixtures import place_at; "
    "from medmultipoints.data_lake.publish.plan import plan_push; "
    "from medmultipoints.data_lake.publish.push import push; "
    "print('ready', flush=True); place = place_at(sys.argv[2]); "
    "print(push(plan_push(Path(sys.argv[1]), place), place).outcome)"
)
SLOW = "* . before delay:0.05 times=100000"
DONE = (["initial commit", "tiny 1.0.0", "tiny 1.1.0"], {"v1.0.0": "tiny 1.0.0", "v1.1.0": "tiny 1.1.0"})


def run(work: Path) -> dict[str, Any]:
    """The kills, in a process of its own."""
    return apart(__name__, work)


def show(work: Path) -> dict[str, Any]:
    """How far the killed pushes were, by what stood after the kill; every request is slowed so that moments differ."""
    versions = write_versions(work / "versions")
    folder, chance = versions["1.1.0"], seeded("moments of a push")
    left: Counter[str] = Counter()
    reruns: Counter[str] = Counter()
    with own_hub(work) as hub:
        publish(versions["1.0.0"], BASE)
        whole = push_and_kill(hub, versions, None)
        for number in range(3 if small() else 20):
            earliest = whole / 2 if number % 2 else 0  # half of the moments in the half in which things are changed
            push_and_kill(hub, versions, chance.uniform(earliest, whole))
            hub.calm()
            check_never_half(hub, REPO, folder, "1.1.0")
            titles, tags = history(hub, REPO)
            left[f"{len(titles) - 2} commit, {len(tags) - 1} tag"] += 1
            reruns[publish(folder, REPO).outcome] += 1
            assert history(hub, REPO) == DONE, history(hub, REPO)
            check_never_half(hub, REPO, folder, "1.1.0")
    return {"kills": sum(left.values()), "push_seconds": round(whole, 2), "stood": dict(left), "reruns": dict(reruns)}


def push_and_kill(hub: TestHub, versions: dict[str, Path], after: float | None) -> float:
    """Start a push, kill it so many seconds after it began; None lets it end, and gives the seconds it took."""
    copy_repository(hub, BASE, REPO)
    forget_files(hub, versions["1.1.0"], versions["1.0.0"])
    hub.calm()
    hub.fault(SLOW)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(versions["1.1.0"]), REPO], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n", "the push did not begin"
    start = time.perf_counter()
    if after is None:
        assert child.wait(120) == 0, json.dumps(history(hub, REPO))
    else:
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
        child.wait()
    return time.perf_counter() - start
