"""Inputs that are led by the code they reach (atheris) never end in anything but a result or a named error."""

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.inputs import ROOT, small
from tests.faults.parsers import PARSERS

SECONDS = 40
GUIDED = """
import sys
import atheris
with atheris.instrument_imports(include=["medmultipoints.transforms", "medmultipoints.data_lake", "tests.faults"]):
    from tests.faults.parsers import PARSERS
parser = PARSERS[sys.argv.pop(1)]
atheris.Setup(sys.argv, lambda data: parser.survives(data) and None)
atheris.Fuzz()
"""


def run(work: Path) -> dict[str, Any]:
    """Every parser for so many seconds; what ends one otherwise is kept as a file, and fails."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install atheris")
    seconds = 5 if small() else SECONDS
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda name: guided(name, seconds, work), PARSERS)
        return {"seconds_each": seconds, "parsers": dict(zip(PARSERS, found, strict=True))}


def guided(name: str, seconds: int, work: Path) -> str:
    """Return the last line of statistics of one parser."""
    corpus = work / name.replace(" ", "-")
    corpus.mkdir(parents=True)
    for number, seed in enumerate(PARSERS[name].seeds):
        (corpus / str(number)).write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={corpus}-"]
    command = [sys.executable, "-c", GUIDED, name, str(corpus), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds + 120)
    assert done.returncode == 0, f"{name}: {done.stderr[-3000:]}"
    return next((line for line in reversed(done.stderr.splitlines()) if line.startswith(("Done", "#"))), "")
