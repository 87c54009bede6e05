"""Verdicts as a Markdown table for people."""

from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from medmultipoints.expectations.verdicts import Verdict

_HEAD = "| table | suite | rows | rules | rows held back | failures by rule |\n|---|---|---:|---:|---:|---|\n"


def summarize(verdicts: Iterable[Verdict]) -> str:
    """Return one row per table and suite, sorted; the verdicts of shards are added up.

    Rows held back are rows that break a rule themselves; rows that go with them are in the quarantine.
    """
    ordered = sorted(verdicts, key=_identity)
    rows = [_row(*identity, list(group)) for identity, group in groupby(ordered, _identity)]
    return _HEAD + "".join(rows)


def _identity(verdict: Verdict) -> tuple[str, str]:
    return verdict.table, verdict.suite


def _row(table: str, suite: str, verdicts: list[Verdict]) -> str:
    failed: Counter[str] = Counter()
    for verdict in verdicts:
        failed.update({result.rule: result.failed for result in verdict.checked if result.failed})
    rules = len({result.rule for verdict in verdicts for result in verdict.checked})
    held = sum(len({failure.position for failure in verdict.failures}) for verdict in verdicts)
    by_rule = ", ".join(f"`{rule}` {count:,}" for rule, count in sorted(failed.items())) or "none"
    rows = sum(verdict.rows for verdict in verdicts)
    return f"| {table} | {suite} | {rows:,} | {rules} | {held:,} | {by_rule} |\n"
