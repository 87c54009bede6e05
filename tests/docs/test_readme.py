"""The README holds: its session is what the demo prints, its commands exist, those marked as runnable run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.flows.cli.app import app
from tests.docs.pages import PAGES, README, ROOT, blocks, commands
from tools.reference import all_commands
from tools.session import run_demo, settled, shorten, shown_session

KNOWN = dict(all_commands())
RUNNABLE = [line for line in commands(README, "runnable") if line[0] == "medmultipoints"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the demo was run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder)


def command_of(words: list[str]) -> tuple[str, list[str]]:
    """The command that a line calls, and its arguments."""
    name = next((name for size in (3, 2) if (name := " ".join(words[:size])) in KNOWN), None)
    assert name, f"{' '.join(words)}: no such command"
    end = words.index(">") if ">" in words else len(words)  # where the shell writes the output to
    return name, words[len(name.split()) : end]


def make_targets() -> set[str]:
    """The targets that the Makefile declares."""
    return set(re.findall(r"^([a-z.-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_parses(page: Path) -> None:
    """Commands, options and numbers of arguments are those of the command line; make targets exist."""
    for words in commands(page):
        if words[0] == "make":
            assert words[1] in make_targets()
        if words[0] == "medmultipoints":
            name, arguments = command_of(words)
            KNOWN[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_text_exists(page: Path) -> None:
    """Also those that are named in passing."""
    text = page.read_text("utf-8")
    assert set(re.findall(r"`make ([a-z]+)`", text)) <= make_targets()
    for found in re.findall(r"`medmultipoints ([a-z][^`]*)`", text):
        command_of(["medmultipoints", *found.split()])


def test_every_command_is_in_the_reference() -> None:
    """A command that is added must be documented: run `make docs`."""
    reference = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for name in KNOWN:
        assert f"[`{name.removeprefix('medmultipoints ')}`]" in reference
        assert f"\n## {name}\n" in reference


@pytest.mark.slow
def test_the_session_is_what_the_demo_prints(demo: tuple[Path, str]) -> None:
    """But for seconds and hashes. Otherwise run `make docs`."""
    assert settled(shown_session(README.read_text("utf-8"))) == settled(shorten(demo[1]))


@pytest.mark.slow
def test_what_is_marked_as_runnable_runs(demo: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page, after the demo, in its folder."""
    monkeypatch.chdir(demo[0])
    monkeypatch.delenv("LAKE_ROOT", raising=False)
    assert RUNNABLE
    for words in RUNNABLE:
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0, f"{' '.join(words)}: {done.output}{done.exception}"
        assert done.stdout


@pytest.mark.slow
def test_the_release_loads_as_the_readme_says(demo: tuple[Path, str], tmp_path: Path) -> None:
    """The Python block runs and prints a size, a label and two counts."""
    (block,) = blocks(README, "python", "runnable")
    environment = os.environ | {
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=demo[0], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\(\d+, \d+\) [a-z]+ \d+ \d+", done.stdout.strip())
