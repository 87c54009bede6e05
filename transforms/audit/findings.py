"""Turn audit findings into rows of the table ``disagreements``."""

from collections.abc import Mapping

import polars as pl

from medmultipoints.transforms.columns.tables import column_names, schema_of

FINDINGS = schema_of("disagreements")
KEYS = column_names("disagreements", "found")
"""The columns that an audit rule gives; the rest of a row is derived from them."""


def make_findings(
    found: pl.DataFrame,
    images: pl.DataFrame,
    samples: pl.DataFrame,
    severities: Mapping[str, str],
    actions: Mapping[str, str],
    usual_action: str,
) -> pl.DataFrame:
    """Return rows of the table from ``found`` (its columns are ``KEYS``), sorted by finding_id.

    Findings of one kind and image are numbered from 0, in the order of label, detail and box. A rejected image is in
    ``samples`` only, and its hash is unknown.
    """
    ordered = found.sort("sample_id", "kind", "label", "detail", "source_box", nulls_last=True)
    named = ordered.join(samples.select("sample_id", "source", "stem"), on="sample_id", maintain_order="left")
    hashed = named.join(images.select("sample_id", "image_sha256"), on="sample_id", how="left", maintain_order="left")
    number = pl.int_range(pl.len()).over("sample_id", "kind")
    filled = hashed.with_columns(
        finding_id=pl.format("{}:{}:{}", "sample_id", "kind", number),
        severity=pl.col("kind").replace_strict(severities, return_dtype=pl.String),
        action=pl.col("kind").replace_strict(actions, default=usual_action, return_dtype=pl.String),
    )
    return as_findings(filled).sort("finding_id")


def without_box(found: pl.DataFrame) -> pl.DataFrame:
    """Return findings with an empty column for the box that they are about."""
    return found.with_columns(source_box=pl.lit(None, pl.List(pl.Float64)))


def of_rejected(exclusions: pl.DataFrame, reason: str, kind: str) -> pl.DataFrame:
    """Return a finding of this kind for each image that was rejected for the reason."""
    rejected = exclusions.filter(pl.col("reason") == reason)
    return without_box(rejected.with_columns(kind=pl.lit(kind), label=pl.lit("")))


def as_findings(found: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with all columns of the table; missing ones are null."""
    absent = {name: pl.lit(None, kind) for name, kind in FINDINGS.items() if name not in found.columns}
    return found.with_columns(**absent).select(pl.col(name).cast(kind) for name, kind in FINDINGS.items())


def to_decide(findings: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    """Return the errors and warnings about released images; a reviewer can decide about no others."""
    doubtful = findings.filter(pl.col("severity") != "info")
    return doubtful.join(images.select("sample_id").unique(), on="sample_id", how="semi", maintain_order="left")


def note_elsewhere(findings: pl.DataFrame, images: pl.DataFrame) -> str:
    """Return a note, in brackets, on the errors and warnings about images that are not released; empty if none are."""
    others = findings.filter(pl.col("severity") != "info").height - to_decide(findings, images).height
    return f" ({others:,} more about pictures that are not released: see the quarantine)" if others else ""
