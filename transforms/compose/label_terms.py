"""Apply a recipe's ontology to the released labels: plurals, organs and modalities, codes for the card."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.records import UNKNOWN
from medmultipoints.transforms.reporting.counted import first_few, plural

FILLED: Final = ("organ", "modality")
"""Columns of a picture that the terms of its labels fill if the source gives nothing."""
_SHOWN: Final = 8

Terms = Mapping[str, Mapping[str, Any]]


def released_terms(recipe: Mapping[str, Any]) -> Terms:
    """Return the terms of a recipe's ontology by released label, as plain values."""
    ontology, labels = recipe.get("ontology") or {}, recipe.get("labels") or {}
    names: Mapping[str, str] = labels.get("names") or {}
    return (
        {str(names.get(name, name)): term for name, term in ontology.items()} if isinstance(ontology, Mapping) else {}
    )


def plurals_of(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the plurals of a recipe's ontology by released label."""
    return {label: term["plural"] for label, term in released_terms(recipe).items() if term.get("plural")}


def fill_facts(records: pl.DataFrame, images: pl.DataFrame, terms: Terms) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return both tables with organ and modality filled in for pictures without them.

    A picture takes the value shared by the terms of all its objects' labels; it stays unknown if they differ.
    """
    shown = records.filter(pl.col("count") > 0).select("sample_id", "label")
    for column in FILLED:
        known = {label: term[column] for label, term in terms.items() if term.get(column)}
        if not known:
            continue
        own = shown.with_columns(value=pl.col("label").replace_strict(known, default=None, return_dtype=pl.String))
        one = own.group_by("sample_id").agg(pl.col("value").unique()).filter(pl.col("value").list.len() == 1)
        shared = one.with_columns(pl.col("value").list.first()).drop_nulls("value")
        records, images = (_filled(table, column, shared) for table in (records, images))
    return records, images


def _filled(table: pl.DataFrame, column: str, shared: pl.DataFrame) -> pl.DataFrame:
    silent = pl.col(column).is_null() | (pl.col(column) == UNKNOWN)
    value = pl.when(silent & pl.col("value").is_not_null()).then("value").otherwise(column).alias(column)
    return table.join(shared, on="sample_id", how="left", maintain_order="left").with_columns(value).drop("value")


def describe_terms(terms: Terms) -> list[dict[str, str]]:
    """Return one row per label of the ontology, for the card."""
    return [
        {
            "label": label,
            "id": term.get("id") or "",
            "organ": term.get("organ") or "",
            "modality": term.get("modality") or "",
            "parents": ", ".join(term.get("parents") or ()),
            "codes": ", ".join(f"{system} {code}" for system, code in sorted((term.get("codes") or {}).items())),
        }
        for label, term in sorted(terms.items())
    ]


def note_terms(terms: Terms, labels: Collection[str]) -> list[str]:
    """Return a sentence about terms that are neither labels of the release nor their parents."""
    parents = {parent for label, term in terms.items() if label in labels for parent in term.get("parents") or ()}
    unused = sorted(terms.keys() - set(labels) - parents)
    if not unused:
        return []
    return [
        f"{plural(len(unused), 'label')} of the ontology without an object in the release: {first_few(unused, _SHOWN)}"
    ]


def term_rows(recipe: Mapping[str, Any], labels: Collection[str]) -> dict[str, list[Any]]:
    """Return the card's rows of a recipe's ontology: one per term, and a sentence about unused terms."""
    terms = released_terms(recipe)
    return {"terms": describe_terms(terms), "unused_terms": note_terms(terms, labels)}
