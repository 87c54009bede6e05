"""Mark the findings that reviewers accepted or corrected."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from medmultipoints.transforms.audit.conventions import MOST_PX
from medmultipoints.transforms.audit.corrections import SAME_PX, SHAPES, CorrectionProblem
from medmultipoints.transforms.audit.decisions import is_about_witness
from medmultipoints.transforms.records import SIDES

NEAR_PX = MOST_PX + SAME_PX
"""Largest distance of sides, in pixels, between a finding's box and its object: findings have the convention undone."""


def mark_findings(findings: pl.DataFrame, corrections: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Return the findings with the reviewers' actions; the corrections were matched with these ``regions``.

    An entry about one object marks the findings with its label and box; one about a label marks the findings of that
    label; an excluded image marks all of its findings. Raise CorrectionProblem for an ``accept`` without a finding.
    """
    touched = regions.join(corrections.select("sample_id").unique(), on="sample_id", how="semi")
    targets = {row["region_id"]: row for row in touched.iter_rows(named=True)}
    marked = findings
    for row in corrections.iter_rows(named=True):
        accepts = row["action"] == "accept"
        if accepts and is_about_witness(row["kind"]):
            continue
        own = (pl.col("sample_id") == row["sample_id"]) & _concerned(row, [targets[one] for one in row["region_ids"]])
        if accepts and marked.filter(own).is_empty():
            named = f" of {row['label']}" if row["label"] else ""
            raise CorrectionProblem(row["where"], f"{row['sample_id']} has no finding {row['kind'] or 'at all'}{named}")
        done = f"{'accepted' if accepts else 'corrected: ' + row['action']} by {row['reviewer']}, {row['date']}"
        chosen = pl.when(own)
        marked = marked.with_columns(
            action=chosen.then(pl.lit(f"{done}: {row['reason']}")).otherwise("action"),
            severity=chosen.then(pl.lit("info")).otherwise("severity"),
        )
    return marked


def _concerned(row: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> pl.Expr:
    """Return the filter for the findings that a decision marks; a correction marks only errors and warnings."""
    if row["action"] == "accept":
        of_kind = pl.lit(True) if row["kind"] is None else pl.col("kind") == row["kind"]
        if row["label"] is not None:
            of_kind &= pl.col("label").eq(row["label"])
        pins = [dict(zip(SIDES, box, strict=True)) for box in row["boxes"]]
        return of_kind & _at(pins[0]) if pins else of_kind
    doubtful: pl.Expr = pl.col("severity") != "info"
    if row["action"] == "exclude" and row["object_id"] is None:
        return doubtful
    if row["action"] in SHAPES and row["object_id"] is None:
        return doubtful & pl.col("label").eq(row["label"])
    doubtful &= pl.col("label").is_in([target["label"] for target in targets])
    if row["object_id"] is None:
        return doubtful
    return doubtful & _at(targets[0])


def _at(target: Mapping[str, Any]) -> pl.Expr:
    return _near("source_box", target) | _near("derived_box", target)


def _near(name: str, target: Mapping[str, Any]) -> pl.Expr:
    sides = [(pl.col(name).list.get(place) - target[side]).abs() <= NEAR_PX for place, side in enumerate(SIDES)]
    return pl.all_horizontal(sides).fill_null(False)
