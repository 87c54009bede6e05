"""Code that lies beside the data is never run, by no command and by none of its children."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = (
    "h2",
    "datasets",
    "struct",
    "pickle",
    "multiprocessing",
    "polars",
    "prefect",
    "yaml",
    "encodings_",
    "medmultipoints",
)
SPAWN = """
import sys
from medmultipoints.flows.cli import app
app._run = lambda arguments: spawn()
def spawn():
    import subprocess
    return subprocess.run([sys.executable, "-c", "import struct, pickle, multiprocessing, h2"], stderr=-3).returncode
app.main([])
"""


@pytest.fixture
def poisoned(tmp_path: Path) -> Path:
    """A folder of modules that leave a mark when they are imported."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'a').write({name!r})\n")
    return tmp_path


def run(folder: Path, *command: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode


def test_a_command_runs_no_code_from_its_folder(poisoned: Path) -> None:
    command = str(Path(sys.executable).with_name("medmultipoints"))
    assert run(poisoned, command, "recipes") == 0
    assert not (poisoned / "run").exists()


def test_a_child_of_a_command_runs_no_code_from_its_folder(poisoned: Path) -> None:
    """The child is started as workers are, without a word about its path."""
    run(poisoned, sys.executable, "-P", "-c", SPAWN)
    assert not (poisoned / "run").exists()
