"""``medmultipoints sources`` and ``recipes``: what there is."""

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.flows.cli.console import print_json, table
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.flows.recipe.model import load_recipe, shipped_recipes


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
