"""What the scripts about publishing share: a process of their own, the test Hub, commands."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import ROOT
from tests.hub.running import WRITER, TestHub, start_hub

CALL = (
    "import importlib, json, sys; from pathlib import Path; "
    "print(json.dumps(importlib.import_module(sys.argv[1]).show(Path(sys.argv[2]))))"
)
COMMAND = (sys.executable, "-m", "medmultipoints")


def apart(module: str, work: Path, **settings: str) -> dict[str, Any]:
    """The figures of a module's ``show``, run in a process whose Hub client sees no setting of this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PREFECT_"))}
    told = {"HF_HOME": str(work / "home"), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"} | settings
    done = subprocess.run(
        [sys.executable, "-c", CALL, module, str(work)],
        cwd=ROOT, env=kept | told, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@contextmanager
def own_hub(work: Path, *options: str) -> Iterator[TestHub]:
    """A test Hub that this process publishes to."""
    with start_hub(work / "hub", *options) as hub:
        os.environ |= {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": WRITER}
        yield hub


def command(hub: TestHub, home: Path, *words: str, xet: bool = False) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    environment = hub.environment(home) | ({} if xet else {"HF_HUB_DISABLE_XET": "1"})
    return subprocess.run(
        [*COMMAND, *words], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def publish_by_command(hub: TestHub, home: Path, folder: Path, repo: str, *, xet: bool = False) -> dict[str, Any]:
    """What ``publish --yes --json`` tells; AssertionError where it fails."""
    done = command(hub, home, "publish", str(folder), "--repo", repo, "--yes", "--json", xet=xet)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def seeded(name: str) -> random.Random:
    """Random numbers that are the same in every run."""
    return random.Random(name)
