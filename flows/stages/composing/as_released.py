"""Read images and labels as released: the input of stage `record`."""

import polars as pl

from medmultipoints.flows.engine.stage import Inputs
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import split_images, without
from medmultipoints.transforms.columns.tables import column_names


def released_images(inputs: Inputs) -> pl.LazyFrame:
    """Return the images of the splits as released: redacted ones with their new file, without unredactable ones."""
    kept = without(split_images(inputs), inputs.scan("redact.exclusions"))
    names = column_names("redactions", "replaces")
    new = inputs.scan("redactions").select("sample_id", *(pl.col(name).alias(f"new_{name}") for name in names))
    filled = kept.join(new, on="sample_id", how="left", maintain_order="left")
    origin = pl.when(pl.col("new_stored_sha256").is_null()).then("image_origin").otherwise(pl.lit("redacted"))
    changed = {name: pl.coalesce(f"new_{name}", name) for name in names}
    return filled.with_columns(image_origin=origin, **changed).drop(f"new_{name}" for name in names)


def label_names(recipe: Recipe, inputs: Inputs) -> list[str]:
    """Return the labels of the release in the order of ``label_id``, including those without a record."""
    return sorted(set(released_names(recipe, inputs).values()))


def released_names(recipe: Recipe, inputs: Inputs) -> dict[str, str]:
    """Return the released label of each source label; labels that are left out are missing."""
    names = dict(recipe.labels.names)
    if recipe.labels.others == "keep":
        certain = inputs.scan("samples").select(label="labels_exhaustive").explode("label").drop_nulls()
        for table in (inputs.scan("regions").select("label"), certain):
            found = table.unique().collect(engine="streaming")["label"].sort()
            names |= {label: label for label in found if label not in names}
    return names
