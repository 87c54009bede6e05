"""What the scripts need from outside the project: real data, programs. What is missing fails, it does not skip."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = "ACCEPTANCE_SMALL"
OTHER_WARNINGS = {
    "07f2a0b9-b841-434b-9081-3a5455150cbf": "covers_frame",
    "ceb2ff74-bb58-4a41-8522-996a59a33e1a": "covers_frame",
    "4280dd71-5ab3-4513-990b-8df6dbedca7c": "shows_number",
}
"""Warnings about the real pairs that their list of anomalies does not name: masks at all four borders, a number."""


def real_data() -> Path:
    """The folder of real source data beside the checkout."""
    folder = ROOT.parent / "shared" / "real"
    assert folder.is_dir(), f"no real data at ../{folder.parent.name}/{folder.name} beside the checkout"
    return folder


def hyperkvasir() -> Path:
    """The folder of real HyperKvasir pairs."""
    folder = real_data() / "hyper-kvasir"
    assert folder.is_dir(), f"{folder} is missing"
    return folder


def need_programs(*names: str) -> None:
    """AssertionError for a program that is not installed."""
    missing = [name for name in names if shutil.which(name) is None]
    assert not missing, f"{', '.join(missing)}: not installed. Install with the system's package manager."


def figures_folder() -> Path:
    """Return the folder, ignored by git, that figures and screenshots are written to."""
    folder = ROOT / ".accept"
    folder.mkdir(exist_ok=True)
    return folder


def small() -> bool:
    """Whether sizes are to be reduced, for work on the scripts themselves; such figures are marked and not kept."""
    return os.environ.get(SMALL) == "1"
