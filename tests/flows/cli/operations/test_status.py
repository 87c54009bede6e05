"""``status`` from the lake alone: the last runs, what was rejected, and what the same run would do now."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.engine.rerun import plan_rerun
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError, UsageError
from tests.flows.small_builds import STAGES, build, write_recipe


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
    assert "The same run now: nothing: every stage is finished and unchanged" in shown
    assert status(lake, "--quick")["rerun"] is None


def test_an_edit_of_the_recipe_shows_what_it_would_cost(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    recipe = Path(write_recipe(tmp_path / "small.toml"))
    build(str(recipe), lake, sources)
    write_recipe(recipe, ('"pointing", ', ""))
    assert status(lake)["rerun"]["done"] == ["instruct", "translate", "release", "manifest"]


def test_a_source_that_is_gone_is_reported(lake: Path, tmp_path: Path, recipe: str, sources: dict[str, str]) -> None:
    run = {"request": {"recipe": recipe, "lake": "", "only": [], "sources": {"hyperkvasir": str(tmp_path / "gone")}}}
    assert plan_rerun(Lake(lake), run, PIPELINE).problem.startswith(
        "it would begin with a download of kvasir_instrument, visem"
    )
    run["request"]["only"] = ["hyperkvasir"]
    assert "there is no such file or folder" in plan_rerun(Lake(lake), run, PIPELINE).problem


@pytest.mark.parametrize("asked", [{"recipe": "demo", "runner": "since_dropped"}, {"since_renamed": 1}, None])
def test_a_request_of_another_version_is_no_obstacle(asked: dict[str, Any] | None, lake: Path) -> None:
    """An upgrade may rename or drop what a build can be asked for; older runs are told all the same."""
    assert plan_rerun(Lake(lake), {"request": asked}, PIPELINE).problem.startswith("not known: another version")


def test_what_an_older_run_could_not_be_asked_for_has_its_default(
    lake: Path, recipe: str, sources: dict[str, str]
) -> None:
    """Its record lacks what was added since."""
    asked = {"recipe": recipe, "sources": sources}
    assert plan_rerun(Lake(lake), {"request": asked}, PIPELINE).sentence().startswith("nothing: every stage is")


def test_a_failed_run_is_told_with_its_rejections(tmp_path: Path, sources: dict[str, str]) -> None:
    strict = write_recipe(tmp_path / "small.toml", ("max_rejected_fraction = 0.5", "by_stage = { derive = 0.01 }"))
    with pytest.raises(DataError):
        build(strict, tmp_path / "lake", sources)
    told = status(tmp_path / "lake")
    assert told["runs"][0]["outcome"] == "failed"
    assert told["rejections"][0]["reason"] == "truncated_image"
    assert told["rerun"]["kept"] == ["index", "derive"]


def test_an_attempt_that_ends_before_its_first_stage_is_reported(
    lake: Path, tmp_path: Path, recipe: str, sources: dict[str, str]
) -> None:
    """With its reason; the quarantine stays that of the last run that looked at anything."""
    damaged = tmp_path / "damaged" / "kvasir-instrument.zip"
    damaged.parent.mkdir()
    damaged.write_bytes(b"<html>Moved</html>")
    wrong = write_recipe(tmp_path / "wrong.toml", ("seed = 5", "seeds = 5"))
    for asked, given in ((recipe, {"kvasir_instrument": str(damaged)}), (recipe, {"hyperkvasir": "gone"}), (wrong, {})):
        words = [word for pair in (sources | given).items() for word in ("--source", "=".join(pair))]
        assert CliRunner().invoke(app, ["build", asked, "--lake", str(lake), *words]).exception is not None
    runs = status(lake)["runs"]
    assert [(run["outcome"], run["recipe"]) for run in runs] == [
        ("failed", "wrong"), ("failed", "small"), ("failed", "small"), ("released", "small")
    ]  # fmt: skip
    assert f"{damaged}: damaged zip" in runs[2]["error"]
    assert "source hyperkvasir=gone: there is no such file or folder" in runs[1]["error"]
    shown = CliRunner().invoke(app, ["status", "--lake", str(lake)]).stdout
    assert "Stages of the last run that had any, small" in shown
    listed = CliRunner().invoke(app, ["quarantine", "list", "--lake", str(lake), "--recipe", "small"]).stdout
    assert listed.startswith("2 inputs of 2 images (")
    assert f"Details: medmultipoints quarantine show truncated_image --recipe small --lake {lake}\n" in listed


def test_a_run_in_which_nothing_changed_released_nothing(lake: Path, recipe: str, sources: dict[str, str]) -> None:
    build(recipe, lake, sources)
    assert [run["outcome"] for run in status(lake)["runs"]] == ["unchanged", "released"]


@pytest.mark.parametrize("command", [["status"], ["lake", "gc"], ["quarantine", "list"]])
def test_a_lake_that_is_not_there_is_told_and_not_made(command: list[str], tmp_path: Path) -> None:
    caught = CliRunner().invoke(app, [*command, "--lake", str(tmp_path / "mistyped")]).exception
    assert isinstance(caught, UsageError)
    assert str(caught).startswith(f"--lake {tmp_path / 'mistyped'}: there is no such folder.")
    assert not (tmp_path / "mistyped").exists()
