"""Failures are counted by the metrics behind the expectations, and where they cannot be, nothing is taken for good."""

import pandas as pd

from medmultipoints.expectations.rows.counts import METRICS, count_failures
from medmultipoints.expectations.rows.suites import all_suites

ROWS = pd.DataFrame({"row": [0, 1, 2], "count": [1.0, None, 7.0]})


def rule(kind: str, name: str = "a", **kwargs: object) -> dict[str, object]:
    return {"type": kind, "kwargs": {"column": "count", **kwargs}, "meta": {"rule": name}}


def counts(*rules: dict[str, object], **parameters: object) -> dict[str, int | None]:
    return count_failures(ROWS, {"name": "x", "expectations": list(rules)}, parameters)


def test_every_type_of_the_suites_has_a_metric() -> None:
    used = {one["type"] for suite in all_suites().values() for one in suite["expectations"]}
    assert used <= METRICS.keys()


def test_failures_are_counted_rule_by_rule_and_null_counts_only_where_it_is_asked_for() -> None:
    null = rule("expect_column_values_to_not_be_null", "null")
    small = rule("expect_column_values_to_be_between", "small", min_value=0, max_value={"$PARAMETER": "most"})
    assert counts(null, small, most=6) == {"null": 1, "small": 1}
    assert counts(null, small, most=7) == {"null": 1, "small": 0}


def test_what_cannot_be_counted_is_unknown_and_not_zero() -> None:
    """A missing parameter, an unknown type, a column that is not there."""
    small = rule("expect_column_values_to_be_between", max_value={"$PARAMETER": "most"})
    assert counts(small) == {"a": None}
    assert counts(rule("expect_column_values_to_be_pretty")) == {"a": None}
    assert counts(rule("expect_column_values_to_not_be_null") | {"kwargs": {"column": "none"}}) == {"a": None}
