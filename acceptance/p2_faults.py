"""Every kind of fault at every request of a push: it ends published, or unpublished with a message, never half.

A first push (that makes the repository) and an update; each request meets 401, 403, 404, 409, 412, 429, 500, 503,
a connection dropped before and after the effect, errors after the effect, and a slow answer.
"""

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from acceptance.inputs import small
from acceptance.publishing import apart, own_hub
from data_lake.publish.push import PushResult
from tests.faults.test_publish_faults import ACTS, BASE, WHAT_TO_DO, attempt
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
from tests.hub.running import WRITER, TestHub

REPO = "acme/faulty"
FIRST = (["initial commit", "tiny 1.0.0"], {"v1.0.0": "tiny 1.0.0"})
SECOND = (["initial commit", "tiny 1.0.0", "tiny 1.1.0"], {"v1.0.0": "tiny 1.0.0", "v1.1.0": "tiny 1.1.0"})


def run(work: Path) -> dict[str, Any]:
    """The matrix, in a process of its own."""
    return apart(__name__, work)


def show(work: Path) -> dict[str, Any]:
    """How many pushes met a fault and how they ended."""
    import huggingface_hub.utils._http as client

    client.time.sleep = awake  # type: ignore[attr-defined]
    versions = write_versions(work / "versions")
    ends: Counter[str] = Counter()
    requests = {}
    with own_hub(work) as hub:
        publish(versions["1.0.0"], BASE)
        for kind in ("first", "update"):
            prepare(hub, kind, versions)
            publish(folder_of(kind, versions), REPO)
            requests[kind] = len(hub.log)
            for place in range(0, requests[kind], 5 if small() else 1):
                for act in ACTS:
                    prepare(hub, kind, versions)
                    hub.fault(f"* . {act} skip={place}")
                    ends[check(hub, kind, versions, attempt(folder_of(kind, versions), REPO))] += 1
    return {"requests": sum(requests.values()), "pushes_with_a_fault": sum(ends.values()), **ends}


def folder_of(kind: str, versions: dict[str, Path]) -> Path:
    """The release that is pushed."""
    return versions["1.0.0" if kind == "first" else "1.1.0"]


def prepare(hub: TestHub, kind: str, versions: dict[str, Path]) -> None:
    """The repository as it is before the push, and no large file of the push on the Hub."""
    if kind == "first":
        shutil.rmtree(hub.repository(REPO), ignore_errors=True)
        for oid in large_files(versions["1.0.0"]):
            (hub.root / "lfs" / oid[:2] / oid[2:4] / oid).unlink(missing_ok=True)
    else:
        restore(hub, versions["1.0.0"])  # they may have been forgotten
        copy_repository(hub, BASE, REPO)
        forget_files(hub, versions["1.1.0"], versions["1.0.0"])
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
    folder, version = folder_of(kind, versions), "1.0.0" if kind == "first" else "1.1.0"
    wanted = FIRST if kind == "first" else SECOND
    hub.calm()
    if not hub.repository(REPO).exists():
        assert isinstance(found, str), found
    else:
        check_never_half(hub, REPO, folder, version)
    if isinstance(found, str):
        assert WHAT_TO_DO.search(found), found
        assert WRITER not in found, "the token is in the message"
        publish(folder, REPO)
    assert history(hub, REPO) == wanted, f"{history(hub, REPO)} after {found}"
    return "told_what_to_do" if isinstance(found, str) else "published"
