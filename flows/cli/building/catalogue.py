"""``medmultipoints sources`` and ``recipes``: list what is available."""

from typing import Annotated

import typer

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.flows.cli.console import print_json, table
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.flows.recipe.load import load_recipe, shipped_recipes
from medmultipoints.transforms.errors import UsageError


def sources(as_json: JsonOption = False) -> None:
    """List the sources that come with the project, with licence and archives.

    Example: `medmultipoints sources --json`
    """
    catalogue = load_catalogue()
    if as_json:
        print_json({name: info.model_dump(mode="json") for name, info in catalogue.items()})
        return
    rows = [
        [name, info.title, info.licence, ", ".join(archive.name for archive in info.archives if archive.required)]
        for name, info in catalogue.items()
    ]
    table("Sources", ["name", "title", "licence", "archives"], rows)


def recipes(
    name: Annotated[str | None, typer.Argument(help="Print this recipe.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the recipes that come with the project, or print one as a start for your own.

    Example: `medmultipoints recipes audited > mine/recipe.toml`
    """
    if name is not None:
        path = shipped_recipes().get(name)
        if path is None:
            raise UsageError(f"no recipe {name}; those that come with the project are {', '.join(shipped_recipes())}.")
        typer.echo(path.read_text("utf-8"), nl=False)
        return
    loaded = {name: load_recipe(name) for name in shipped_recipes()}
    if as_json:
        print_json({name: recipe.model_dump(mode="json") for name, recipe in loaded.items()})
        return
    rows = [[name, recipe.version, ", ".join(recipe.sources), recipe.description] for name, recipe in loaded.items()]
    table("Recipes", ["name", "version", "sources", "description"], rows)
