"""Near-duplicates in the audit: one finding for each image of each pair."""

from collections.abc import Callable
from typing import Any

import polars as pl

from medmultipoints.transforms.audit.near_findings import near_findings
from medmultipoints.transforms.columns.tables import load_table, polars_schema

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]


def test_both_images_of_a_pair_get_a_finding(make_table: MakeTable) -> None:
    """An image with two near-duplicates has two, numbered."""
    rows = [{"sample_id": f"s/{name}"} for name in "abc"]
    pairs = [{"sample_id": "s/a", "other_id": "s/b"}, {"sample_id": "s/a", "other_id": "s/c"}]
    images, samples = make_table("images", rows), make_table("samples", rows)
    found = near_findings(make_table("near_duplicates", pairs), images, samples)
    assert dict(found.schema) == polars_schema(load_table("disagreements"))
    assert sorted(found["finding_id"]) == [
        "s/a:near_duplicate:0", "s/a:near_duplicate:1", "s/b:near_duplicate:0", "s/c:near_duplicate:0",
    ]  # fmt: skip
    assert set(found["kind"]) == {"near_duplicate"}
    assert set(found["severity"]) == {"info"}
    assert dict(found.select("sample_id", "stem").iter_rows()) == {"s/a": "a", "s/b": "b", "s/c": "c"}


def test_no_pairs_give_no_findings(make_table: MakeTable) -> None:
    rows = [{"sample_id": "s/a"}]
    found = near_findings(make_table("near_duplicates", []), make_table("images", rows), make_table("samples", rows))
    assert dict(found.schema) == polars_schema(load_table("disagreements"))
    assert found.is_empty()
