"""Mark findings that reviewers disagree about, and summarise their agreement."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from medmultipoints.transforms.compose.policy import Policy, select_regions
from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.review.agreement import agreements
from medmultipoints.transforms.review.decisions import FROM_MASKS, Decision, decisions_about, is_conflict
from medmultipoints.transforms.review.entries import Entry, Seen
from medmultipoints.transforms.review.mask_files import Masks, mask_boxes
from medmultipoints.transforms.review.sampling import check_statement

Twice = list[tuple[dict[str, Any], list[Seen], list[Decision]]]


def mark_disputes(
    findings: pl.DataFrame,
    corrections: Sequence[Entry],
    opinions: Sequence[Entry],
    regions: pl.DataFrame,
    policy: Policy,
) -> pl.DataFrame:
    """Return the findings, with those that reviewers dispute as warnings that name both sides."""
    words = {
        finding["finding_id"]: _dispute(decisions)
        for finding, seen, decisions in _twice(findings, corrections, opinions, regions, policy)
        if is_conflict(seen, decisions)
    }
    if not words:
        return findings
    disputed = pl.col("finding_id").is_in([*words])
    action = pl.col("finding_id").replace_strict(words, default=None, return_dtype=pl.String)
    return findings.with_columns(
        action=pl.coalesce(action, "action"),
        severity=pl.when(disputed).then(pl.lit("warning")).otherwise("severity"),
    )


def review_statements(
    findings: pl.DataFrame,
    corrections: Sequence[Entry],
    opinions: Sequence[Entry],
    samples: Sequence[Mapping[str, Any]],
    regions: pl.DataFrame,
    policy: Policy,
) -> list[str]:
    """Return sentences about the agreement of each pair of reviewers, and about checks of random samples."""
    twice = _twice(findings, corrections, opinions, regions, policy)
    checked = [
        f"Records of {one['release']}, drawn at random and checked by {one['reviewer']} ({one['date']}): "
        + check_statement(one["of"], one["right"], one["wrong"])
        for one in samples
    ]
    return [one.words for one in agreements((seen, decisions) for _, seen, decisions in twice)] + checked


def _twice(
    findings: pl.DataFrame,
    corrections: Sequence[Entry],
    opinions: Sequence[Entry],
    regions: pl.DataFrame,
    policy: Policy,
) -> Twice:
    """Return the findings that several reviewers decided, with the objects they saw."""
    touched = {entry["image"] for entry in opinions}
    if not touched:
        return []
    applied, kept = ([_with_boxes(entry) for entry in entries] for entries in (corrections, opinions))
    found: Twice = []
    for finding in findings.filter(pl.col("sample_id").is_in(touched)).iter_rows(named=True):
        decisions = decisions_about(finding, applied, kept)
        if len({one.reviewer for one in decisions}) > 1:
            own = select_regions(regions.filter(sample_id=finding["sample_id"]), policy)
            rows = own.select("region_id", "label", "rle", *SIDES).iter_rows()
            seen = [Seen(object_id=name, label=label, rle=rle, box=Box(*sides)) for name, label, rle, *sides in rows]
            found.append((finding, seen, decisions))
    return found


def _with_boxes(entry: Entry) -> Entry:
    if not entry.get("rles"):
        return entry
    width, height = entry["mask_size"]
    return {**entry, FROM_MASKS: mask_boxes(Masks(width=width, height=height, rles=tuple(entry["rles"])))}


def _dispute(decisions: Sequence[Decision]) -> str:
    sides = "; ".join(f"{one.reviewer}: {one.verdict} ({one.reason})" for one in decisions)
    applied = next((one.reviewer for one in decisions if one.in_force), "nobody")
    return f"reviewers disagree: {sides}. The decision of {applied} applies until one of them settles it"
