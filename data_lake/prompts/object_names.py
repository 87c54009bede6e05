"""Load the built-in object names from their file; templates have a module of their own.

Names are checked before a picture is read; an edit of the code of templates must not read all pictures again.
"""

from collections.abc import Collection, Iterable, Mapping
from importlib.resources import files

import polars as pl

from medmultipoints.data_lake.store.keys import digest
from medmultipoints.transforms.instructions.naming.names import Names, add_labels, drop_labels, parse_names
from medmultipoints.transforms.sources.builtin import BUILT_IN


def load_names(
    labels: Iterable[str] = (), plurals: Mapping[str, str] | None = None, own: Collection[str] = ()
) -> Names:
    """Return the names of the labels of the names file and of ``labels``.

    A label that is missing from the names file, or is among ``own``, is named after itself; ``plurals`` are the plurals
    of an ontology.
    """
    return add_labels(drop_labels(parse_names(prompt_asset("names.toml")), own), labels, plurals)


def release_names(records: pl.DataFrame, images: pl.DataFrame, plurals: Mapping[str, str] | None = None) -> Names:
    """Return the names of a release's labels, from its tables.

    The names file is about the built-in sources: a label that none of their pictures has is named after itself.
    """
    absent = images.select("source", label="labels_exhaustive").explode("label").drop_nulls("label")
    asked = pl.concat([records.select("source", "label"), absent])
    labels, theirs = set(asked["label"]), set(asked.filter(pl.col("source").is_in(BUILT_IN))["label"])
    return load_names(sorted(labels), plurals, own=labels - theirs)


def names_digest() -> str:
    """Return the digest of the names file; part of the key of every stage that names objects."""
    return digest(prompt_asset("names.toml"))


def prompt_asset(name: str) -> str:
    """Return the text of a file of names or templates."""
    return files("medmultipoints.transforms.instructions").joinpath(name).read_text("utf-8")
