"""Reviewers who disagree keep a finding doubtful; what a review proves is stated in sentences."""

from collections.abc import Callable
from typing import Any

import polars as pl

from medmultipoints.transforms.review.disputes import mark_disputes, review_statements

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
BOX = [10.0, 10.0, 30.0, 30.0]
BASE = {"image": "s/a", "image_sha256": "a" * 64, "kind": None, "date": "2026-11-30", "reason": "seen"}


def tables(make_table: MakeTable) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One finding, made harmless by a first decision, and the object that it is about."""
    finding = {"sample_id": "s/a", "kind": "phantom", "severity": "info", "label": "polyps", "source_box": BOX}
    region: dict[str, Any] = {"sample_id": "s/a", "evidence": "mask", "label": "polyps"} | dict(
        zip(("x1", "y1", "x2", "y2"), BOX, strict=True)
    )
    return make_table("disagreements", [finding]), make_table("regions", [region])


def entry(action: str, reviewer: str, **more: Any) -> dict[str, Any]:
    return {**BASE, "action": action, "reviewer": reviewer, **more}


def test_a_conflict_makes_the_finding_a_warning_that_names_both(make_table: MakeTable) -> None:
    findings, regions = tables(make_table)
    other = entry("exclude", "B", object=f"{'a' * 64}:polyps:0", box=BOX)
    (row,) = mark_disputes(findings, [entry("accept", "A")], [other], regions, "audited").to_dicts()
    assert row["severity"] == "warning"
    assert row["action"] == (
        "reviewers disagree: A: accept (seen); B: exclude (seen). "
        "The decision of A applies until one of them settles it"
    )


def test_agreement_and_settled_conflicts_change_nothing(make_table: MakeTable) -> None:
    findings, regions = tables(make_table)
    other = entry("exclude", "B", object=f"{'a' * 64}:polyps:0", box=BOX)
    settled = entry("accept", "A", settles=True)
    assert mark_disputes(findings, [settled], [other], regions, "audited").equals(findings)
    assert mark_disputes(findings, [entry("accept", "A")], [entry("accept", "B")], regions, "audited").equals(findings)
    assert mark_disputes(findings, [entry("accept", "A")], [], regions, "audited").equals(findings)


def test_statements_are_agreement_and_samples(make_table: MakeTable) -> None:
    findings, regions = tables(make_table)
    sample = {"release": "d 1.0.0", "of": 10, "reviewer": "A", "date": "2026-11-30", "right": ["r"], "wrong": []}
    told = review_statements(findings, [entry("accept", "A")], [entry("accept", "B")], [sample], regions, "audited")
    assert told[0].startswith("A and B both decided 1 case: the same verdict in 1 (kappa not defined")
    assert told[1].endswith("1 of 10 looked at, 0 wrong: at most 95.0 %, one-sided 95 %")
