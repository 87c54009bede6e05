"""``medmultipoints sources``, ``recipes`` and ``status``: what there is and what was done."""

from typing import Any

from data_lake.catalogue import load_catalogue
from data_lake.layout import open_lake
from data_lake.runs import read_runs
from flows.cli.console import OUT, print_json, table
from flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from flows.recipe import load_recipe, shipped_recipes
from flows.report import COUNTS


def sources(as_json: JsonOption = False) -> None:
    """List the sources that can be used, with licence and size."""
    catalogue = load_catalogue()
    if as_json:
        print_json({name: info.model_dump(mode="json") for name, info in catalogue.items()})
        return
    rows = [
        [name, info.title, info.licence, ", ".join(archive.name for archive in info.archives if archive.required)]
        for name, info in catalogue.items()
    ]
    table("Sources", ["name", "title", "licence", "archives"], rows)


def recipes(as_json: JsonOption = False) -> None:
    """List the recipes that come with the project."""
    loaded = {name: load_recipe(name) for name in shipped_recipes()}
    if as_json:
        print_json({name: recipe.model_dump(mode="json") for name, recipe in loaded.items()})
        return
    rows = [[name, recipe.version, ", ".join(recipe.sources), recipe.description] for name, recipe in loaded.items()]
    table("Recipes", ["name", "version", "sources", "description"], rows)


def status(lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Show the last runs of a lake, and the stages of the last one."""
    runs: list[dict[str, Any]] = read_runs(open_lake(lake))
    if as_json:
        print_json({"runs": runs})
        return
    if not runs:
        OUT.print("no runs yet: try `medmultipoints demo`")
        return
    rows = [
        [run["started"][:19], run["recipe"], run["outcome"], run.get("version", ""), run.get("error", "")]
        for run in runs[:10]
    ]
    table("Runs, newest first", ["started (UTC)", "recipe", "outcome", "version", "error"], rows)
    OUT.print()
    table("Stages of the last run", ["stage", *COUNTS, "time"], [stage_row(stage) for stage in runs[0]["stages"]])


def stage_row(stage: dict[str, Any]) -> list[str]:
    """One line of the table of stages."""
    time = "kept" if stage["kept"] else f"{stage['seconds']:.1f} s"
    return [stage["name"], *(f"{stage[name]:,}" for name in COUNTS), time]
