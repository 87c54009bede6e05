"""What a validation found, as plain values that JSON holds, and the two errors that stop a build.

DataError
├── BrokenRule         a rule could not be judged: the suite or the frame is wrong, not the rows
└── TableRuleFailed    a rule over a whole table does not hold
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from medmultipoints.transforms.errors import DataError

_HEAD = "| table | suite | rows | rules | rows held back | failures by rule |\n|---|---|---:|---:|---:|---|\n"


@dataclass(frozen=True, slots=True)
class RowFailure:
    """One rule that one row breaks.

    ``row`` is the row's key and ``entity`` what is held back with it; where one is null, the next best name
    stands in: the key, else ``row <position>``. ``detail`` names the values at fault.
    """

    row: str
    entity: str
    rule: str
    detail: str
    position: int


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule that was judged on so many rows, and how many broke it."""

    rule: str
    rows: int
    failed: int
    severity: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a suite found in a table: every failure by row and rule, and every rule that was judged."""

    table: str
    suite: str
    rows: int
    failures: tuple[RowFailure, ...]
    checked: tuple[RuleResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict in lists, mappings, text and numbers; ``verdict_from_json`` is the inverse."""
        raw = asdict(self)
        return {**raw, "failures": list(raw["failures"]), "checked": list(raw["checked"])}


def join_verdicts(parts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a table that was judged part by part, in the order of its rows."""
    failures: list[RowFailure] = []
    before = 0
    for part in parts:
        failures += [replace(failure, position=before + failure.position) for failure in part.failures]
        before += part.rows
    checked = [
        replace(same[0], rows=before, failed=sum(result.failed for result in same))
        for same in zip(*(part.checked for part in parts), strict=True)
    ]
    return Verdict(parts[0].table, parts[0].suite, before, tuple(failures), tuple(checked))


def verdict_from_json(raw: Mapping[str, Any]) -> Verdict:
    """Return the verdict that ``to_json`` gave."""
    failures = tuple(RowFailure(**failure) for failure in raw["failures"])
    checked = tuple(RuleResult(**result) for result in raw["checked"])
    return Verdict(raw["table"], raw["suite"], raw["rows"], failures, checked)


@dataclass(frozen=True, slots=True)
class Rejection:
    """An entity that is held back: the first rule it breaks, and what is wrong."""

    entity: str
    reason: str
    detail: str


class BrokenRule(DataError):
    """A rule could not be judged: this is a fault of the suite or of the frame, never of a row."""

    def __init__(self, suite: str, rule: str, problem: str) -> None:
        self.suite, self.rule, self.problem = suite, rule, problem
        super().__init__(
            f"suite {suite}: rule {rule} could not be judged: {problem}. No row was passed or held; correct "
            "transforms/columns/tables/ or the stage that writes the table, then run "
            "`python -m medmultipoints.expectations.suites`"
        )


class TableRuleFailed(DataError):
    """A rule over a whole table does not hold, so no release can be made."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        found = "; ".join(f"{failure.rule}: {failure.detail}" for failure in verdict.failures)
        super().__init__(f"{verdict.table}: {found}. The build stops because what follows would not be true")


def first_few(values: Sequence[str], limit: int = 5) -> str:
    """Return the first values for a message, and how many more there are."""
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(values[:limit]) + more


def summarize(verdicts: Iterable[Verdict]) -> str:
    """Return verdicts as a Markdown table: one row per table and suite, sorted; the verdicts of shards are added up.

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
