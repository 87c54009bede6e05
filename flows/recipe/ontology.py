"""Read the ontology of a recipe: one file that maps the labels of many sources to names, parents and codes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, RootModel

from medmultipoints.data_lake.toml_files import read_model
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.label_tree import descendants
from medmultipoints.transforms.problems import ReleasedLabel, TomlTable
from medmultipoints.transforms.sources.declaration.model import fold_label, merge_read


class Term(TomlTable):
    """One label of the ontology; codes are the user's, such as ``snomed = "10200004"``."""

    id: str | None = Field(default=None, min_length=1, description="identifier of the label in the ontology")
    plural: ReleasedLabel | None = Field(default=None, description="plural of the name, for questions")
    organ: str | None = Field(
        default=None,
        min_length=1,
        description="its organ: that of pictures whose objects all have it and no other",
    )
    modality: str | None = Field(
        default=None, min_length=1, description="imaging modality that shows it: of such pictures, too"
    )
    parents: tuple[ReleasedLabel, ...] = Field(default=(), description="labels that this one is a part of")
    synonyms: tuple[str, ...] = Field(default=(), description="words of sources for this label")
    codes: Mapping[str, str] = Field(default={}, description="system = code, such as SNOMED CT or RadLex")


Ontology = Mapping[str, Term]


class _Terms(RootModel[dict[ReleasedLabel, Term]]):
    """The content of an ontology file: one table per label."""


def read_ontology(file: Path) -> Ontology:
    """Return the terms of a TOML file, one table per label; UsageError names every invalid key, name and parent."""
    terms = read_model(
        _Terms, file, "ontology", absent="Give the path from the recipe's folder.", wrong="Correct the file."
    ).root
    _check_words(file, terms)
    _check_parents(file, terms)
    return terms


def _check_words(file: Path, terms: Ontology) -> None:
    """Raise UsageError for a word that means two labels."""
    meant: dict[str, str] = {}
    for name, term in terms.items():
        for word in (name, *term.synonyms):
            if meant.setdefault(fold_label(word), name) != name:
                raise UsageError(f"ontology {file}: {word!r} names both {meant[fold_label(word)]!r} and {name!r}.")


def _check_parents(file: Path, terms: Ontology) -> None:
    parts = parts_of(terms)
    unknown = sorted(parts.keys() - terms.keys())
    if unknown:
        raise UsageError(f"ontology {file}: the parent {unknown[0]!r} has no table of its own. Add [{unknown[0]!r}].")
    try:
        for parent in parts:
            descendants(parts, parent)
    except ValueError as error:
        raise UsageError(f"ontology {file}: {error}.") from error


def parts_of(terms: Ontology) -> dict[str, list[str]]:
    """Return the parts of each parent, sorted."""
    parts: dict[str, list[str]] = {}
    for name, term in sorted(terms.items()):
        for parent in term.parents:
            parts.setdefault(parent, []).append(name)
    return parts


def with_ontology(table: Mapping[str, Any], terms: Ontology) -> dict[str, Any]:
    """Return a declared source's table with the labels of the ontology; the table's own values win."""
    if not terms:
        return dict(table)
    read = dict(table.get("read") or {})
    synonyms = {word: name for name, term in sorted(terms.items()) for word in term.synonyms}
    proposed = {"hierarchy": parts_of(terms), "known": sorted(terms), "synonyms": synonyms}
    return {**table, "read": merge_read(proposed, read)}
