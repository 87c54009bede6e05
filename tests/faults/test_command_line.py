"""The real command line with its embedded Prefect server: killed, interrupted, finished, run again, in one lake."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.killed_builds import wait_until
from tests.flows.small_builds import STAGES, make_sources, write_recipe

COMMAND = ["-m", "medmultipoints"]
SECONDS_TO_DIE = 5.0
PROMISED = {"name", "in", "used", "dropped", "rejected", "rows", "kept", "seconds", "times"}


def start(recipe: str, lake: Path, sources: Mapping[str, str], *options: str) -> "subprocess.Popen[str]":
    """``medmultipoints build`` as scripts call it, without a Prefect server at hand."""
    given = [word for name, path in sources.items() for word in ("--source", f"{name}={path}")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return subprocess.Popen(
        [sys.executable, *options, *COMMAND, "build", recipe, "--lake", str(lake), *given, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def signal_after(stage: str, number: signal.Signals, build: "subprocess.Popen[str]", lake: Path) -> str:
    """What the build prints to standard error when it gets the signal as soon as it has finished the stage."""
    assert build.stderr is not None
    wait_until(lambda: any((lake / "receipts" / stage).glob("*.json")) or build.poll() is not None)
    wait_until(lambda: len(servers(lake)) == 1 or build.poll() is not None)
    build.send_signal(number)
    printed = build.stderr.read()
    build.wait()
    return printed


def servers(lake: Path) -> list[str]:
    """The numbers of all embedded servers of this lake that live."""
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and serves(entry, lake)]


def serves(process: Path, lake: Path) -> bool:
    """Whether a process is an embedded server of this lake."""
    try:
        command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
    except OSError:  # it ended meanwhile
        return False
    return b"medmultipoints.flows.orchestration.server.embedded_server" in command and os.fsencode(lake) in environment


def check_nothing_half_written(lake: Path) -> None:
    """No release stands, no server lives, five seconds after the end of the build."""
    wait_until(lambda: not servers(lake), SECONDS_TO_DIE)
    assert [path.name for path in (lake / "releases" / "small").iterdir()] == [".lock"]


@pytest.mark.accept
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")
def test_a_build_that_was_killed_and_interrupted_ends_like_any_other(tmp_path: Path) -> None:
    sources, recipe = make_sources(tmp_path / "sources"), write_recipe(tmp_path / "small.toml")
    lake = tmp_path / "lake"

    killed = start(recipe, lake, sources)
    signal_after("index", signal.SIGKILL, killed, lake)
    assert killed.returncode == -signal.SIGKILL
    check_nothing_half_written(lake)

    interrupted = start(recipe, lake, sources)
    told = signal_after("derive", signal.SIGINT, interrupted, lake)
    assert interrupted.returncode == 130
    assert interrupted.stdout is not None
    remedy = "Nothing is half-written; run the same command again to continue."
    assert json.loads(interrupted.stdout.read()) == {
        "error": {"exit": 130, "message": "interrupted", "where": None, "remedy": remedy}
    }
    assert "Traceback" not in told
    check_nothing_half_written(lake)

    finished = start(recipe, lake, sources)
    out, err = finished.communicate()
    assert finished.returncode == 0, err
    result = json.loads(out.splitlines()[-1])
    assert {"release", "manifest_root", "stages", "seconds"} <= set(result)
    assert [stage["name"] for stage in result["stages"]] == STAGES
    assert {name for stage in result["stages"] for name in stage} == PROMISED
    assert [stage["name"] for stage in result["stages"] if stage["kept"]][:2] == ["index", "derive"]
    assert Path(result["release"]).is_dir()
    assert list((lake / "tmp").iterdir()) == []
    assert servers(lake) == []

    began = time.monotonic()
    again = start(recipe, lake, sources, "-X", "importtime")
    out, err = again.communicate()
    assert again.returncode == 0
    kept = json.loads(out)
    assert kept["manifest_root"] == result["manifest_root"]
    assert {stage["kept"] for stage in kept["stages"]} == {True}
    assert [line for line in err.splitlines() if line.startswith("import time:") and "prefect" in line] == []
    assert time.monotonic() - began < 10, "with nothing to do it returns at once, also on a busy machine"
