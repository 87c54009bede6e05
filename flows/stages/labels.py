"""Which labels become records: those that the recipe names, and those that declared sources bring along."""

from medmultipoints.flows.engine.stage import Inputs
from medmultipoints.flows.recipe.model import Recipe


def released_names(recipe: Recipe, inputs: Inputs) -> dict[str, str]:
    """Return the released label of each label of the sources; labels that are not in it are left out."""
    names = dict(recipe.labels.names)
    if recipe.labels.others == "keep":
        certain = inputs.scan("samples").select(label="labels_exhaustive").explode("label").drop_nulls()
        for table in (inputs.scan("regions").select("label"), certain):
            found = table.unique().collect(engine="streaming")["label"].sort()
            names |= {label: label for label in found if label not in names}
    return names
