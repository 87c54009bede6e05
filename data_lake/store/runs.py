"""Record each run and its outcome: one JSON file per run, for people and ``status``; never part of a release."""

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
from medmultipoints.data_lake.store.objects import temporary_file
from medmultipoints.data_lake.store.temporary import is_alive, sync
from medmultipoints.transforms.errors import MachineError

SPARE = 4096


def write_run(lake: Lake, started: datetime, facts: Mapping[str, object]) -> Path:
    """Write the run's record, replacing an earlier one of the same run; return its path. Names sort by start time.

    The file is larger than necessary, so that a run that fails on a full disk can still record its end in it.
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
    """Add or replace facts in the record of a run of this process; do nothing without a record."""
    facts = read_run(_path(lake, started))
    if facts is not None:
        write_run(lake, started, facts | dict(more))


def is_recorded(lake: Lake, since: datetime) -> bool:
    """Return whether a run that this process started since then has a record."""
    return any(path >= _path(lake, since) for path in lake.runs.glob(f"*-{os.getpid()}.json"))


def _path(lake: Lake, started: datetime) -> Path:
    return lake.runs / f"{started.astimezone(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}.json"


def _fits(target: Path, content: bytes) -> bool:
    return target.is_file() and len(content) <= target.stat().st_size


def read_runs(lake: Lake) -> list[dict[str, Any]]:
    """Return all runs of the lake, the newest first; damaged records and those of another form are left out.

    A run that is recorded as running, but whose process on this machine is gone, counts as ``killed``.
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
    """Return a record with all fields that are always shown; None if it is missing, damaged or of another form."""
    with suppress(FileNotFoundError, orjson.JSONDecodeError, ValidationError):
        run = orjson.loads(path.read_bytes())
        _Run.model_validate(run)
        return {"recipe": "", "outcome": "unknown", "stages": [], "keys": {}} | dict(run)
    return None


def _may_be_newer(copy: Path) -> bool:
    """Return whether the store may hold a newer record: this copy is missing, or another machine still runs it."""
    run = read_run(copy)
    return run is None or (run.get("outcome") == "running" and run.get("machine") != os.uname().nodename)


def _was_killed(run: dict[str, Any]) -> bool:
    here = run.get("machine") == os.uname().nodename
    return run.get("outcome") == "running" and here and not is_alive(run.get("pid", 0))
