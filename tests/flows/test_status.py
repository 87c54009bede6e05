"""``status`` from the lake alone: the last runs, what was rejected, and what the same run would do now."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data_lake.layout import Lake
from flows.cli.app import app
from flows.rerun import plan_rerun
from tests.flows.small_builds import STAGES, build, write_recipe
from transforms.errors import DataError


def status(lake: Path, *words: str) -> Any:
    """What the command tells machines."""
    done = CliRunner().invoke(app, ["status", "--lake", str(lake), "--json", *words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])


def test_a_finished_run_would_do_nothing(lake: Path) -> None:
    """In a lake that was moved, too."""
    told = status(lake)
    assert told["rerun"] == {"kept": STAGES, "done": [], "problem": ""}
    assert [(row["stage"], row["reason"], row["inputs"]) for row in told["rejections"]] == [
        ("derive", "truncated_image", 2)
    ]
    shown = CliRunner().invoke(app, ["status", "--lake", str(lake)]).stdout
    assert "The same run now would do nothing: every stage is finished and unchanged" in shown
    assert status(lake, "--quick")["rerun"] is None


def test_an_edit_of_the_recipe_shows_what_it_would_cost(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    recipe = Path(write_recipe(tmp_path / "small.toml"))
    build(str(recipe), lake, sources)
    write_recipe(recipe, ('"pointing", ', ""))
    assert status(lake)["rerun"]["done"] == ["instruct", "translate", "release", "manifest"]


def test_a_source_that_is_gone_is_told(lake: Path, tmp_path: Path, recipe: str, sources: dict[str, str]) -> None:
    run = {"request": {"recipe": recipe, "lake": "", "only": [], "sources": {"hyperkvasir": str(tmp_path / "gone")}}}
    assert plan_rerun(Lake(lake), run).problem.startswith("it would begin with a download of kvasir_instrument, visem")
    run["request"]["only"] = ["hyperkvasir"]
    assert "there is no such file or folder" in plan_rerun(Lake(lake), run).problem


@pytest.mark.parametrize("asked", [{"recipe": "demo"}, {"recipe": "demo", "only": [], "since_renamed": 1}])
def test_a_request_of_another_version_is_no_obstacle(asked: dict[str, Any], lake: Path) -> None:
    """An upgrade may rename what a build can be asked for; older runs are told all the same."""
    assert plan_rerun(Lake(lake), {"request": asked}).problem.startswith("not known: another version")


def test_a_failed_run_is_told_with_its_rejections(tmp_path: Path, sources: dict[str, str]) -> None:
    strict = write_recipe(tmp_path / "small.toml", ("max_rejected_fraction = 0.5", "by_stage = { derive = 0.01 }"))
    with pytest.raises(DataError):
        build(strict, tmp_path / "lake", sources)
    told = status(tmp_path / "lake")
    assert told["runs"][0]["outcome"] == "failed"
    assert told["rejections"][0]["reason"] == "truncated_image"
    assert told["rerun"]["kept"] == ["index", "derive"]
