"""Count the rows that break each rule of a suite, with the metrics of Great Expectations alone.

A rule costs 1 to 2 ms instead of the 20 to 70 ms of a full validation. Including the conversion to pandas, 33 rules
check about 600,000 rows per second in chunks of 250,000, and 500,000 in chunks of 100,000. Rules with failures are then
validated in full, to find the rows (``medmultipoints.expectations.rows.validate``).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

METRICS: Final = {
    "expect_column_values_to_not_be_null": "column_values.nonnull",
    "expect_column_values_to_be_between": "column_values.between",
    "expect_column_values_to_be_in_set": "column_values.in_set",
    "expect_column_values_to_match_regex": "column_values.match_regex",
}
"""The metric of each type of expectation in the suites."""
BATCH = "rows"


def count_failures(
    rows: "pd.DataFrame", suite: Mapping[str, Any], parameters: Mapping[str, object]
) -> dict[str, int | None]:
    """Return the number of rows that break each rule, in suite order; None if it cannot be counted."""
    from medmultipoints.expectations.rows.library import (
        GreatExpectationsError,
        MetricsCalculator,
        PandasExecutionEngine,
    )

    engine = PandasExecutionEngine(batch_data_dict={BATCH: rows})
    wanted = {rule["meta"]["rule"]: _metric(rule, parameters) for rule in suite["expectations"]}
    try:
        found, _ = MetricsCalculator(engine).compute_metrics([metric for metric in wanted.values() if metric])
    except (GreatExpectationsError, KeyError, TypeError, ValueError):
        found = {}
    counts = {name: found.get(metric.id) if metric else None for name, metric in wanted.items()}
    return {name: None if count is None else int(str(count)) for name, count in counts.items()}


def _metric(rule: Mapping[str, Any], parameters: Mapping[str, object]) -> Any:
    """Return the metric that counts a rule's failures; None if its type or a parameter is unknown."""
    from medmultipoints.expectations.rows.library import MetricConfiguration

    name, kwargs = METRICS.get(rule["type"]), dict(rule["kwargs"])
    asked = {key: value["$PARAMETER"] for key, value in kwargs.items() if isinstance(value, dict)}
    if name is None or not parameters.keys() >= set(asked.values()):
        return None
    domain = {"column": kwargs.pop("column"), "batch_id": BATCH}
    values = kwargs | {key: parameters[parameter] for key, parameter in asked.items()}
    return MetricConfiguration(f"{name}.unexpected_count", domain, values or None)
