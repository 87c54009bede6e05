"""Pages whose commands are run word for word: the first release, from decisions to the next, and training on it."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.decide import decide
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.flows.recipe.corrections import parse_file
from tests.docs.pages import ROOT, blocks

FIRST, TRAIN = (ROOT / "docs" / name for name in ("first-release.md", "train.md"))
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


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was run."""
    folder = tmp_path_factory.mktemp("demo")
    shell("medmultipoints demo", folder)
    return folder


@pytest.mark.slow
def test_from_decisions_to_the_next_release(demo: Path) -> None:
    steps = [block for block in blocks(FIRST, "bash") if "make " not in block]
    after = steps[next(place for place, block in enumerate(steps) if DESK in block) + 1 :]
    picture = accept_one(demo)
    printed = "".join(shell(block, demo) for block in after)
    assert "demo 1.0.1: " in printed
    assert f"{picture}: " in printed
    assert "moved between splits" not in printed
    assert "checks hold" in printed
    assert "one commit, then the tag v1.0.1" in printed


@pytest.mark.slow
def test_every_export_for_a_trainer_is_made_and_true_answers_score_in_full(demo: Path) -> None:
    *exports, score, corrupted = blocks(TRAIN, "bash")
    for block in (*exports, corrupted):
        shell(block, demo)
    rows = map(orjson.loads, (demo / "demo-trl" / "test.jsonl").read_bytes().splitlines())
    answers = [{"instruction_id": row["instruction_id"], "response": row["completion"][-1]["content"]} for row in rows]
    (demo / "answers.jsonl").write_bytes(
        b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in answers)
    )
    titles, values, *_ = shell(score, demo).splitlines()
    found = dict(zip(titles.split("\t"), values.split("\t"), strict=True))
    assert [found[name] for name in ("unread", "exact", "box F1", "label")] == ["0.000", "1.000", "1.000", "1.000"]
