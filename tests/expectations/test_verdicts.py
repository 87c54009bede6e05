"""The summary adds up verdicts in a stated order."""

from medmultipoints.expectations.verdicts import RowFailure, RuleResult, Verdict, summarize


def _verdict(table: str, rows: int, *failures: tuple[int, str]) -> Verdict:
    rules = ("area", "range")
    found = tuple(RowFailure(f"{row}", f"{row}", rule, "", row) for row, rule in failures)
    checked = tuple(RuleResult(rule, rows, sum(r == rule for _, r in failures), "warning") for rule in rules)
    return Verdict(table, table, rows, found, checked)


def test_shards_are_added_and_tables_sorted() -> None:
    """A row that breaks two rules is one row held back."""
    verdicts = [
        _verdict("samples", 1234),
        _verdict("regions", 10, (1, "area"), (1, "range"), (2, "range")),
        _verdict("regions", 5, (1, "range")),
    ]
    expected = (
        "| table | suite | rows | rules | rows held back | failures by rule |\n"
        "|---|---|---:|---:|---:|---|\n"
        "| regions | regions | 15 | 2 | 3 | `area` 1, `range` 3 |\n"
        "| samples | samples | 1,234 | 2 | 0 | none |\n"
    )
    assert summarize(verdicts) == summarize(reversed(verdicts)) == expected
