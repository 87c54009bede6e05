"""Gather the findings that need more than their own picture as the table ``survey_findings``."""

from collections.abc import Iterable

import polars as pl

from medmultipoints.transforms.columns.tables import schema_of

SURVEY = schema_of("survey_findings")


def survey_table(found: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of all rules; those of one image and kind are numbered in the order of label, detail and box."""
    rows = pl.concat(found, how="diagonal").sort("sample_id", "kind", "label", "detail", "source_box", nulls_last=True)
    number = pl.int_range(pl.len()).over("sample_id", "kind")
    return rows.with_columns(survey_id=pl.format("{}:{}:{}", "sample_id", "kind", number)).select(
        pl.col(name).cast(kind) for name, kind in SURVEY.items()
    )
