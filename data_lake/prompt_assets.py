"""Load the built-in prompt templates and object names from their files."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files

import polars as pl

from medmultipoints.data_lake.store.keys import digest
from medmultipoints.transforms.instructions.names import Names, add_labels, drop_labels, parse_names
from medmultipoints.transforms.instructions.prompts import Templates, parse_templates
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.sources.builtin import BUILT_IN


def load_templates(tasks: Sequence[str] = TASK_NAMES) -> Templates:
    """Return the templates of the tasks."""
    return parse_templates({task: _text(f"templates/{task}.toml") for task in tasks})


def load_names(
    labels: Iterable[str] = (), plurals: Mapping[str, str] | None = None, own: Collection[str] = ()
) -> Names:
    """Return the names of the labels of the names file and of ``labels``.

    A label that is missing from the names file, or is among ``own``, is named after itself; ``plurals`` are the plurals
    of an ontology.
    """
    return add_labels(drop_labels(parse_names(_text("names.toml")), own), labels, plurals)


def release_names(records: pl.DataFrame, images: pl.DataFrame, plurals: Mapping[str, str] | None = None) -> Names:
    """Return the names of a release's labels, from its tables.

    The names file is about the built-in sources: a label that none of their pictures has is named after itself.
    """
    absent = images.select("source", label="labels_exhaustive").explode("label").drop_nulls("label")
    asked = pl.concat([records.select("source", "label"), absent])
    labels, theirs = set(asked["label"]), set(asked.filter(pl.col("source").is_in(BUILT_IN))["label"])
    return load_names(sorted(labels), plurals, own=labels - theirs)


def wording_digest() -> str:
    """Return the digest of all templates and names; part of the key of every stage that writes prompts."""
    return digest([_text("names.toml"), *(_text(f"templates/{task}.toml") for task in TASK_NAMES)])


def _text(name: str) -> str:
    return files("medmultipoints.transforms.instructions").joinpath(name).read_text("utf-8")
