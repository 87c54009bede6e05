"""The first release, as the page has it: from decisions to the next version, word for word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.decide import decide
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.flows.recipe.corrections import parse_file
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "first-release.md"
DESK = "review serve"


def shell(text: str, folder: Path) -> str:
    """What a block of the page prints in a folder; AssertionError where it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def accept_one(folder: Path) -> str:
    """Accept the first finding of the release, as the page that `review serve` opens does; its picture."""
    desk = Desk(folder / "lake" / "releases" / "demo" / "1.0.0")
    row = next(one for one in desk.findings.values() if desk.image(one["sample_id"]))
    asked = {"finding": row["finding_id"], "verdict": "accept", "reviewer": "A. Reviewer", "reason": "seen"}
    decide(desk, CorrectionsFile(folder / "corrections" / "demo.toml", parse_file), asked)
    return str(row["sample_id"])


@pytest.mark.slow
def test_from_decisions_to_the_next_release(tmp_path: Path) -> None:
    shell("medmultipoints demo", tmp_path)
    steps = [block for block in blocks(PAGE, "bash") if "make " not in block]
    after = steps[next(place for place, block in enumerate(steps) if DESK in block) + 1 :]
    picture = accept_one(tmp_path)
    printed = "".join(shell(block, tmp_path) for block in after)
    assert "demo 1.0.1: " in printed
    assert f"{picture}: " in printed
    assert "moved between splits" not in printed
    assert "checks hold" in printed
    assert "one commit, then the tag v1.0.1" in printed
