"""What each run did and how it ended: one JSON file a run, for people and ``status``; never part of a release."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError

from medmultipoints.data_lake.store import remote
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import sync, temporary_file
from medmultipoints.data_lake.store.temporary import is_alive
from medmultipoints.transforms.errors import MachineError

SPARE = 4096


def write_run(lake: Lake, started: datetime, facts: Mapping[str, object]) -> Path:
    """Return the path of the run's record, which replaces an earlier one of the same run; names sort by start time.

    It takes more room than it needs, so that a run that a full disk ended can still say so in its place.
    """
    target = _path(lake, started)
    record = {"started": started.isoformat(), "machine": os.uname().nodename, **facts}
    content = orjson.dumps(record, option=orjson.OPT_INDENT_2)
    try:
        with temporary_file(lake) as path:
            path.write_bytes(content + b" " * SPARE)
            sync(path)
            os.replace(path, target)
    except MachineError:
        if not _fits(target, content):
            raise
        with target.open("r+b") as file:
            file.write(content.ljust(target.stat().st_size))
    if lake.remote:
        remote.put(lake.remote, f"runs/{target.name}", target)
    return target


def amend_run(lake: Lake, started: datetime, more: Mapping[str, object]) -> None:
    """Put more facts into the record of a run of this process, or other ones; nothing where there is no record."""
    facts = read_run(_path(lake, started))
    if facts is not None:
        write_run(lake, started, facts | dict(more))


def _path(lake: Lake, started: datetime) -> Path:
    return lake.runs / f"{started.astimezone(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}.json"


def _fits(target: Path, content: bytes) -> bool:
    return target.is_file() and len(content) <= target.stat().st_size


def read_runs(lake: Lake) -> list[dict[str, Any]]:
    """Return all runs of the lake, the newest first; records that are damaged or of another shape are left out.

    A run that is said to be running, though its process on this machine is gone, was ``killed``.
    """
    for name in remote.names(lake.remote, "runs") if lake.remote else ():
        if _may_be_newer(lake.root / name):
            remote.get(lake.remote or "", name, lake.root / name)
    found = (read_run(path) for path in sorted(lake.runs.glob("*.json"), reverse=True))
    return [run | {"outcome": "killed"} if _was_killed(run) else run for run in found if run is not None]


class _Stage(BaseModel):
    name: str
    taken: int = Field(alias="in")
    used: int
    dropped: int
    rejected: int
    rows: int
    kept: bool
    seconds: float


class _Run(BaseModel):
    started: str
    recipe: str = ""
    outcome: str = ""
    machine: str = ""
    pid: int = 0
    error: str = ""
    version: str = ""
    release: str = ""
    manifest_root: str = ""
    request: dict[str, Any] = {}
    stages: list[_Stage] = []
    keys: dict[str, str] = {}


def read_run(path: Path) -> dict[str, Any] | None:
    """Return a record with all that is always shown of one; None where it is gone, damaged or of another shape."""
    with suppress(FileNotFoundError, orjson.JSONDecodeError, ValidationError):
        run = orjson.loads(path.read_bytes())
        _Run.model_validate(run)
        return {"recipe": "", "outcome": "unknown", "stages": [], "keys": {}} | dict(run)
    return None


def _may_be_newer(copy: Path) -> bool:
    """Return whether the store may hold more than this copy: it is not there, or its run goes on on another machine."""
    run = read_run(copy)
    return run is None or (run.get("outcome") == "running" and run.get("machine") != os.uname().nodename)


def _was_killed(run: dict[str, Any]) -> bool:
    here = run.get("machine") == os.uname().nodename
    return run.get("outcome") == "running" and here and not is_alive(run.get("pid", 0))
