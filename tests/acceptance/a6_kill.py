"""Killed with ``kill -9`` in each stage and run again: the root of an undisturbed build, and no process left behind."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.sources.simulated.faults import all_faults
from tests.acceptance.inputs import ROOT

SEED = 6
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 240
GONE_WITHIN_SECONDS = 10
ATTEMPTS = 4


def run(work: Path) -> dict[str, Any]:
    """One undisturbed build, then for each stage a build that is killed in it and one that finishes its work."""
    sizes = SimulatedSizes(polyps=60, instruments=30, videos=3, frames=60)
    paths = write_sources(work / "sources", seed=SEED, sizes=sizes, faults=all_faults()).paths
    sources = [f"--source={name}={path}" for name, path in paths.items()]
    whole = finished(start(work / "undisturbed", sources))
    root, seconds = whole["manifest_root"], {stage["name"]: stage["seconds"] for stage in whole["stages"]}
    left = processes_of(work / "undisturbed")
    assert not left, f"processes are left after an undisturbed build: {left}"
    kills = {}
    for before, stage in zip(("", *seconds), seconds, strict=False):
        lake = work / f"killed-in-{stage}"
        kills[stage] = kill_within(stage, before, seconds[stage], lake, sources)
        again = finished(start(lake, sources))
        assert again["manifest_root"] == root, f"killed in {stage}: {again['manifest_root']}, undisturbed {root}"
        anew = {entry["name"] for entry in again["stages"] if not entry["kept"]}
        repeated = anew & set(kills[stage]["finished_before"])
        assert not repeated, f"killed in {stage}: the next build does {sorted(repeated)} again, which were finished"
        kills[stage]["left_after_the_next_build"] = gone(lake)
        shutil.rmtree(lake)
    return {"manifest_root": root, "seed": SEED, "stages_killed": len(kills), "kills": kills}


def kill_within(stage: str, before: str, seconds: float, lake: Path, sources: list[str]) -> dict[str, Any]:
    """A kill at the drawn moment of the stage; half of it, in a new lake, where the stage was over by then."""
    moment = draw(stage) * seconds
    for attempt in range(1, ATTEMPTS + 1):
        shutil.rmtree(lake, ignore_errors=True)
        killed = kill_in(start(lake, sources), lake, before, moment)
        if stage not in killed["finished_before"]:
            return killed | {"seconds_into_the_stage": round(moment, 3), "attempts": attempt}
        moment /= 2
    raise AssertionError(f"{stage}: it is over within {moment * 2:.3f} s, too early to be killed in")


def draw(stage: str) -> float:
    """A moment of the stage, from 0 to 1, drawn from the seed."""
    return int.from_bytes(hashlib.sha256(f"{SEED}:{stage}".encode()).digest()[:4]) / 2**32


def start(lake: Path, sources: list[str]) -> "subprocess.Popen[bytes]":
    """A build by the command line, as a person starts it."""
    program = Path(sys.executable).with_name("medmultipoints")
    assert program.is_file(), f"{program} is missing: run `make .venv`"
    command = [str(program), "build", "demo", f"--lake={lake}", "--workers=2", "--json", *sources]
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finished(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """What a build printed that ran to its end."""
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, f"the build ended with {process.returncode}:\n{errors.decode()[-3000:]}"
    printed: dict[str, Any] = orjson.loads(output.splitlines()[-1])
    return printed


def kill_in(process: "subprocess.Popen[bytes]", lake: Path, before: str, seconds: float) -> dict[str, Any]:
    """Kill the build so many seconds after the stage before finished; AssertionError where it is too late for that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not has_finished(lake, before):
        assert process.poll() is None, f"the build ended before it could be killed after stage {before or 'none'}"
        assert time.monotonic() < deadline, f"no stage {before} after {PATIENCE_SECONDS} s"
        time.sleep(POLL_SECONDS)
    time.sleep(seconds)
    in_time = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert in_time, f"the build had ended {seconds:.3f} s after stage {before or 'none'}"
    done = [stage.name for stage in PIPELINE if has_finished(lake, stage.name)]
    return {"finished_before": done, "left_after_the_kill": gone(lake)}


def has_finished(lake: Path, stage: str) -> bool:
    """Whether the stage's receipt is there; without a stage, whether the build has taken its lock."""
    if not stage:
        return any(lake.glob("releases/*/.lock"))
    return any((lake / "receipts" / stage).glob("*.json"))


def gone(lake: Path) -> int:
    """0 once no process of the lake is left; AssertionError if one stays."""
    begin = time.monotonic()
    while left := processes_of(lake):
        waited = time.monotonic() - begin
        assert waited < GONE_WITHIN_SECONDS, f"left behind {waited:.0f} s after the build: {left}"
        time.sleep(0.05)
    return 0


def processes_of(lake: Path) -> list[str]:
    """Other processes that have this lake in their arguments or their environment: builds, embedded servers."""
    return [f"{pid} {command}" for pid, command in _processes(str(lake).encode()) if pid != os.getpid()]


def _processes(text: bytes) -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or another user's
        if text in arguments or text in environment:
            yield int(folder.name), arguments.replace(b"\0", b" ").decode(errors="replace").strip()
