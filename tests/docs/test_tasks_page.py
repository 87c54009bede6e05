"""The page on tasks is executed: its recipe builds, and asks what the page says."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.released_tables import read_all_instructions
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.cli.app import app
from tests.docs.pages import ROOT, commands, named_files
from tests.flows.small_builds import build

PAGE = ROOT / "docs" / "tasks.md"


def test_its_recipe_asks_statements_dialogues_and_stills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of simulated sources: each task has questions in several images, and the release is sound."""
    monkeypatch.chdir(tmp_path)
    ((name, text),) = named_files(PAGE).items()
    Path(name).write_text(text, "utf-8")
    sizes = SimulatedSizes(polyps=40, instruments=20, videos=0, unsegmented=0)
    sources = {source: str(path) for source, path in write_sources(tmp_path / "own", seed=3, sizes=sizes).paths.items()}
    release = Path(build(name, Path("lake"), sources).release.path)
    asked = read_all_instructions(release, read_manifest(release))
    tasks = Counter(asked["task"])
    assert set(tasks) == {"negation_pairs", "dialogue", "stills_referring"}
    assert min(tasks.values()) >= 5
    stills = asked.filter(task="stills_referring")
    assert stills["image_files"].list.n_unique().to_list() == [3] * stills.height
    assert [check for check in verify_release(release).checks if not check.ok] == []
    (_, *words) = next(line for line in commands(PAGE) if "stills_referring" in line)
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "third image" in shown.output or "second image" in shown.output or "first image" in shown.output
