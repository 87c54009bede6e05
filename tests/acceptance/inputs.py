"""What the scripts need from outside the project: real data, programs. What is missing fails, it does not skip."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = "ACCEPTANCE_SMALL"


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
