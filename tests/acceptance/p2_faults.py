"""Every kind of fault at every request of a push: it ends published, or unpublished with a message, never half.

A first push (that makes the repository), an update, and a version that withdraws an image, for which the files of the
version before are read in ranges; each request meets 401, 403, 404, 409, 412, 429, 500, 503,
a connection dropped before and after the effect, errors after the effect, and a slow answer.
"""

import hashlib
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medmultipoints.data_lake.publish import remote_release as kept
from medmultipoints.data_lake.publish.push import PushResult
from tests.acceptance.inputs import small
from tests.acceptance.publishing import apart, own_hub
from tests.faults.test_publish_faults import ACTS, BASE, attempt, check_message
from tests.hub.fixtures import (
    awake,
    check_never_half,
    copy_repository,
    forget_files,
    history,
    large_files,
    publish,
    write_versions,
)
from tests.hub.running import TestHub

REPO = "acme/faulty"
PUSHED = {"first": "1.0.0", "update": "1.1.0", "withdrawal": "2.0.0"}
RELEASES = PUSHED | {"withdrawal": "2.0.0 withdrawing"}


def run(work: Path) -> dict[str, Any]:
    """The matrix, each kind of push in a process and with a Hub of its own, the longest first."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda kind: apart(__name__, work / kind), reversed(PUSHED)))
    return dict(sum(map(Counter, found), Counter()))


def show(work: Path) -> dict[str, int]:
    """How many pushes of the kind that the folder is named for met a fault, and how they ended."""
    import huggingface_hub.utils._http as client

    client.time = SimpleNamespace(sleep=awake)  # type: ignore[assignment]
    kept.SMALL = 0  # the files of the tiny release are read in ranges, as large ones are
    kind, versions = work.name, write_versions(work / "versions")
    ends: Counter[str] = Counter()
    with own_hub(work) as hub:
        publish(versions["1.0.0"], BASE)
        prepare(hub, kind, versions)
        publish(folder_of(kind, versions), REPO)
        requests = len(hub.log)
        for place in range(0, requests, 5 if small() else 1):
            for act in ACTS:
                prepare(hub, kind, versions)
                hub.fault(f"* . {act} skip={place}")
                ends[check(hub, kind, versions, attempt(folder_of(kind, versions), REPO))] += 1
    return {"requests": requests, "pushes_with_a_fault": ends.total(), **ends}


def folder_of(kind: str, versions: dict[str, Path]) -> Path:
    """The release that is pushed."""
    return versions[RELEASES[kind]]


def wanted(kind: str) -> tuple[list[str], dict[str, str]]:
    """Commits and tags after the push."""
    tags = {f"v{version}": f"tiny {version}" for version in dict.fromkeys(("1.0.0", PUSHED[kind]))}
    return ["initial commit", *tags.values()], tags


def prepare(hub: TestHub, kind: str, versions: dict[str, Path]) -> None:
    """The repository as it is before the push, and no large file of the push on the Hub."""
    if kind == "first":
        shutil.rmtree(hub.repository(REPO), ignore_errors=True)
        for oid in large_files(versions["1.0.0"]):
            (hub.root / "lfs" / oid[:2] / oid[2:4] / oid).unlink(missing_ok=True)
    else:
        restore(hub, versions["1.0.0"])  # they may have been forgotten
        copy_repository(hub, BASE, REPO)
        forget_files(hub, folder_of(kind, versions), versions["1.0.0"])
    hub.calm()


def restore(hub: TestHub, folder: Path) -> None:
    """The large files of a release are on the Hub."""
    for path in folder.rglob("*.parquet"):
        data = path.read_bytes()
        oid = hashlib.sha256(data).hexdigest()
        target = hub.root / "lfs" / oid[:2] / oid[2:4] / oid
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def check(hub: TestHub, kind: str, versions: dict[str, Path], found: PushResult | str) -> str:
    """How the push ended: published, or told with what to do; after one more run everything stands."""
    folder = folder_of(kind, versions)
    hub.calm()
    if not hub.repository(REPO).exists():
        assert isinstance(found, str), found
    else:
        check_never_half(hub, REPO, folder, PUSHED[kind])
    if isinstance(found, str):
        check_message(found)
        publish(folder, REPO)
    assert history(hub, REPO) == wanted(kind), f"{history(hub, REPO)} after {found}"
    return "told_what_to_do" if isinstance(found, str) else "published"
