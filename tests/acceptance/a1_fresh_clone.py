"""A fresh clone installs itself and passes ``make demo``; nothing that is made is seen by git. CI runs its tests."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import ROOT, need_programs

FOREIGN = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def run(work: Path) -> dict[str, Any]:
    """The time of the installation and of the demo in a clone with nothing but its own files."""
    need_programs("git", "make")
    clone = work / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)
    figures = {f"seconds_{target.strip('.')}": make(clone, target) for target in (".venv", "demo")}
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True)
    assert not changed.stdout, f"installation and demo leave files that are not ignored:\n{changed.stdout}"
    return figures


def make(clone: Path, target: str) -> float:
    """The seconds that a target takes; AssertionError with the end of its output where it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    start = time.perf_counter()
    finished = subprocess.run(["make", target], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    output = f"{finished.stdout[-4000:]}\n{finished.stderr[-2000:]}"
    assert finished.returncode == 0, f"make {target} ended with {finished.returncode}:\n{output}"
    return round(time.perf_counter() - start, 1)
