"""Pages whose commands are run word for word after one demo: the README, the first release, training on it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.decide import decide
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.recipe.corrections import parse_file
from tests.docs.pages import README, ROOT, blocks, commands
from tools.session import run_demo, settled, shorten, shown_session

FIRST, TRAIN = (ROOT / "docs" / name for name in ("first-release.md", "train.md"))
DESK = "review serve"
RUNNABLE = [line for line in commands(README, "runnable") if line[0] == "medmultipoints"]


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
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the demo was run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder)


@pytest.fixture
def demo(session: tuple[Path, str]) -> Path:
    """The folder in which the demo was run; the tests below work in it one after another."""
    return session[0]


@pytest.mark.slow
def test_the_session_is_what_the_demo_prints(session: tuple[Path, str]) -> None:
    """But for seconds and hashes. Otherwise run `make docs`."""
    assert settled(shown_session(README.read_text("utf-8"))) == settled(shorten(session[1]))


@pytest.mark.slow
def test_what_is_marked_as_runnable_runs(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page, after the demo, in its folder."""
    monkeypatch.chdir(demo)
    monkeypatch.delenv("LAKE_ROOT", raising=False)
    assert RUNNABLE
    for words in RUNNABLE:
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0, f"{' '.join(words)}: {done.output}{done.exception}"
        assert done.stdout


@pytest.mark.slow
def test_the_release_loads_as_the_readme_says(demo: Path, tmp_path: Path) -> None:
    """The Python block runs and prints a size, a label and two counts."""
    (block,) = blocks(README, "python", "runnable")
    environment = os.environ | {
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=demo, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\(\d+, \d+\) [a-z]+ \d+ \d+", done.stdout.strip())


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
