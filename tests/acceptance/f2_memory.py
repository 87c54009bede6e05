"""A build whose address space is limited ends in the same release or in none, never in half of one.

Native libraries reserve several times the memory that they use. Some abort where they get none (SIGABRT), as the
loader of threads does (127): such an end has no message of ours. Every other one says that memory ran out. The next
build without the limit finishes the work, with the root of an undisturbed one.
"""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.transforms.errors import MachineError

LIMITS = (400 << 20, 800 << 20, 1500 << 20, 3000 << 20, 6000 << 20)
SECONDS = 600
WITHOUT_WORDS = (-signal.SIGABRT, 127)


def run(work: Path) -> dict[str, Any]:
    """One build without a limit, then one under each; what a limit breaks, the next build without it finishes."""
    sizes = SimulatedSizes(polyps=40, instruments=20, videos=2, frames=40)
    paths = write_sources(work / "sources", seed=21, sizes=sizes).paths
    sources = [f"--source={name}={path}" for name, path in paths.items()]
    root = json.loads(build(work / "free", sources, None).stdout)["manifest_root"]
    found = {}
    for limit in LIMITS:
        lake = work / f"limit-{limit >> 20}"
        done = build(lake, sources, limit)
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        assert done.returncode in (0, 3, *WITHOUT_WORDS), (limit, done.returncode, done.stderr[-2000:])
        if done.returncode == MachineError.exit_code:
            assert "memory ran out" in done.stdout + done.stderr or "Prefect server" in done.stdout + done.stderr
        released = list(lake.glob("releases/*/*/manifest.json"))
        if done.returncode:
            assert not released, f"{limit >> 20} MiB: a release in spite of exit {done.returncode}"
            assert json.loads(build(lake, sources, None).stdout)["manifest_root"] == root
        else:
            assert json.loads(done.stdout)["manifest_root"] == root
        found[f"{limit >> 20} MiB"] = {"exit": done.returncode, "message": done.stderr.strip().splitlines()[-1:]}
    return {"root": root, "limits": found}


def build(lake: Path, sources: list[str], limit: int | None) -> subprocess.CompletedProcess[str]:
    """Build the demo by the command line, all of whose processes have the limit."""

    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    command = [sys.executable, "-P", "-m", "medmultipoints", "build", "demo", f"--lake={lake}", "--json", *sources]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SECONDS, preexec_fn=limited, cwd=lake.parent
    )
