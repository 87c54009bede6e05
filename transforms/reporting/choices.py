"""Choose the rows that a report shows as pictures, independent of the row order."""

import hashlib
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.duplicates.clusters import find_clusters

SEVERITIES: Final = ("error", "warning", "info")
DRAWN: Final = {"error": 12, "warning": 6, "info": 2}
"""Number of findings drawn per kind, by severity."""


def choose_records(records: pl.DataFrame, most: int) -> dict[str, list[dict[str, Any]]]:
    """Return at most ``most`` records per label: the one with the most objects, then others drawn by their ids.

    Each video is drawn once before any is drawn twice, because frames of a video look alike.
    """
    found = {}
    for (label,), own in sorted(records.partition_by("label", as_dict=True).items()):
        draws = [hashlib.sha256(f"gallery:{name}".encode()).hexdigest() for name in own["record_id"]]
        drawn = own.with_columns(drawn=pl.Series(draws))
        fullest = drawn.sort(["count", "record_id"], descending=[True, False]).head(1)
        others = drawn.join(fullest, on="record_id", how="anti").with_columns(
            turn=pl.col("drawn").rank("ordinal").over(pl.coalesce("video_id", "sample_id"))
        )
        chosen = others.sort("turn", "drawn").head(most - 1).select(records.columns)
        found[str(label)] = pl.concat([fullest.select(records.columns), chosen]).to_dicts()
    return found


def severity_rank() -> pl.Expr:
    """Return the rank of the column ``severity``: 0 for errors, larger for less severe findings."""
    places = {name: place for place, name in enumerate(SEVERITIES)}
    return pl.col("severity").replace_strict(places, default=len(SEVERITIES), return_dtype=pl.Int64)


def worst_first(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the audit findings sorted: errors, warnings, infos; the largest disagreement first."""
    return (
        findings.with_columns(rank=severity_rank())
        .sort(["rank", "iou", "side_px", "finding_id"], descending=[False, False, True, False], nulls_last=True)
        .drop("rank")
    )


def drawn_once(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the first of the findings whose drawings are equal: same kind, picture and boxes, for several labels."""
    drawings = [repr(row) for row in findings.select("kind", "sample_id", "source_box", "derived_box").iter_rows()]
    first = {drawing: place for place, drawing in reversed([*enumerate(drawings)])}
    return findings[sorted(first.values())]


def some_of_each_kind(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the first findings of each kind, in order; more of the severe kinds."""
    most = pl.col("severity").replace_strict(DRAWN, default=0)
    return findings.filter(pl.int_range(pl.len()).over("severity", "kind") < most)


def count_findings(findings: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows (severity, kind, findings), the most severe first."""
    counted = findings.group_by("severity", "kind").agg(findings=pl.len().cast(pl.Int64))
    return counted.sort(severity_rank(), -pl.col("findings"), "kind").to_dicts()


def clusters_of(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """Return clusters of near-duplicates (``ids`` and ``pairs``), the closest and largest first."""
    rows = pairs.sort("distance", "sample_id", "other_id").to_dicts()
    cluster = find_clusters((row["sample_id"], row["other_id"]) for row in rows)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        own = found.setdefault(cluster[row["sample_id"]], {"ids": [], "pairs": []})
        own["pairs"].append(row)
        own["ids"] += [name for name in (row["sample_id"], row["other_id"]) if name not in own["ids"]]
    return sorted(found.values(), key=lambda one: (one["pairs"][0]["distance"], -len(one["ids"]), one["ids"]))
