"""Choose the rows that a report shows as pictures, independent of their order."""

import hashlib
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.duplicates.clusters import find_clusters

SEVERITIES: Final = ("error", "warning", "info")
DRAWN: Final = {"error": 12, "warning": 6, "info": 2}
"""Of each kind of findings this many are drawn, by severity."""


def choose_records(records: pl.DataFrame, most: int) -> dict[str, list[dict[str, Any]]]:
    """Return by label at most so many records: the one with the most objects, then others drawn by their ids.

    Of each video one is drawn before a second of any: frames of a video look alike.
    """
    found = {}
    for (label,), own in sorted(records.partition_by("label", as_dict=True).items()):
        drawn = own.with_columns(drawn=pl.Series([_draw(name) for name in own["record_id"]]))
        fullest = drawn.sort(["count", "record_id"], descending=[True, False]).head(1)
        others = drawn.join(fullest, on="record_id", how="anti").with_columns(
            turn=pl.col("drawn").rank("ordinal").over(pl.coalesce("video_id", "sample_id"))
        )
        chosen = others.sort("turn", "drawn").head(most - 1).select(records.columns)
        found[str(label)] = pl.concat([fullest.select(records.columns), chosen]).to_dicts()
    return found


def _draw(name: str) -> str:
    return hashlib.sha256(f"gallery:{name}".encode()).hexdigest()


def severity_rank() -> pl.Expr:
    """Return 0 for errors, more for what is less grave, from the column ``severity``."""
    places = {name: place for place, name in enumerate(SEVERITIES)}
    return pl.col("severity").replace_strict(places, default=len(SEVERITIES), return_dtype=pl.Int64)


def worst_first(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the findings of the audit: errors before warnings before infos, the largest disagreement first."""
    return (
        findings.with_columns(rank=severity_rank())
        .sort(["rank", "iou", "side_px", "finding_id"], descending=[False, False, True, False], nulls_last=True)
        .drop("rank")
    )


def some_of_each_kind(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the first few findings of each kind, in their order: more of those that are graver."""
    most = pl.col("severity").replace_strict(DRAWN, default=0)
    return findings.filter(pl.int_range(pl.len()).over("severity", "kind") < most)


def count_findings(findings: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows (severity, kind, findings), the gravest first."""
    counted = findings.group_by("severity", "kind").len("findings").with_columns(pl.col("findings").cast(pl.Int64))
    order = {name: i for i, name in enumerate(SEVERITIES)}
    return sorted(counted.to_dicts(), key=lambda row: (order.get(row["severity"], 9), -row["findings"], row["kind"]))


def clusters_of(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """Return pictures that show the same: ``ids`` and ``pairs`` of each cluster, the closest and largest first."""
    rows = pairs.sort("distance", "sample_id", "other_id").to_dicts()
    cluster = find_clusters((row["sample_id"], row["other_id"]) for row in rows)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        own = found.setdefault(cluster[row["sample_id"]], {"ids": [], "pairs": []})
        own["pairs"].append(row)
        own["ids"] += [name for name in (row["sample_id"], row["other_id"]) if name not in own["ids"]]
    return sorted(found.values(), key=lambda one: (one["pairs"][0]["distance"], -len(one["ids"]), one["ids"]))
