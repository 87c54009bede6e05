"""The page on adding a source is executed: its package is installed, tested, and its release verified."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, named_files

PAGE = ROOT / "docs" / "add-a-source.md"


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page and the metadata that an installation would write."""
    folder = tmp_path_factory.mktemp("plugin")
    for name, text in named_files(PAGE).items():
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text(text, "utf-8")
    project = tomllib.loads(folder.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    information = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir()
    information.joinpath("METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", "utf-8")
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    information.joinpath("entry_points.txt").write_text("\n".join(lines), "utf-8")
    return folder


def run(plugin: Path, *arguments: str) -> str:
    """What a Python process says in which the plug-in is installed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(plugin), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=plugin, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tests_of_the_page_pass(plugin: Path) -> None:
    """They read the tiny archive, build a release from it and verify it."""
    assert "2 passed" in run(plugin, "-m", "pytest", "-p", "no:cacheprovider", "tests")


def test_the_source_is_listed(plugin: Path) -> None:
    """An installed plug-in is known to the command line."""
    assert "Gastric ulcers" in run(plugin, "-m", "medmultipoints", "sources")
