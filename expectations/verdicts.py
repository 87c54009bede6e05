"""Results of validations as JSON-compatible values, and the two errors that stop a build.

DataError
├── BrokenRule         a rule could not be evaluated: the suite or the frame is wrong, not the rows
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
    """A rule that a row breaks.

    ``row`` is the row's key and ``entity`` the group of rows rejected with it; a null is replaced by the key, or else
    by ``row <position>``. ``detail`` names the wrong values.
    """

    row: str
    entity: str
    rule: str
    detail: str
    position: int


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule with the number of rows checked and the number that broke it."""

    rule: str
    rows: int
    failed: int
    severity: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a suite on a table: every failure by row and rule, and every evaluated rule."""

    table: str
    suite: str
    rows: int
    failures: tuple[RowFailure, ...]
    checked: tuple[RuleResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON-compatible values; ``verdict_from_json`` is the inverse."""
        raw = asdict(self)
        return {**raw, "failures": list(raw["failures"]), "checked": list(raw["checked"])}


def join_verdicts(parts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a table from the verdicts on its parts, in row order."""
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
    """Return the verdict from the values of ``to_json``."""
    failures = tuple(RowFailure(**failure) for failure in raw["failures"])
    checked = tuple(RuleResult(**result) for result in raw["checked"])
    return Verdict(raw["table"], raw["suite"], raw["rows"], failures, checked)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected entity: the first rule it breaks, and the detail."""

    entity: str
    reason: str
    detail: str


class BrokenRule(DataError):
    """A rule could not be evaluated: an error of the suite or the frame, never of a row."""

    def __init__(self, suite: str, rule: str, problem: str) -> None:
        self.suite, self.rule, self.problem = suite, rule, problem
        super().__init__(
            f"suite {suite}: rule {rule} could not be judged: {problem}. No row was passed or held; correct "
            "transforms/columns/tables/ or the stage that writes the table, then run "
            "`python -m medmultipoints.expectations.rows.suites`"
        )


class TableRuleFailed(DataError):
    """A rule over a whole table does not hold, so no release can be made."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        found = "; ".join(f"{failure.rule}: {failure.detail}" for failure in verdict.failures)
        super().__init__(f"{verdict.table}: {found}. The build stops because what follows would not be true")


def summarize(verdicts: Iterable[Verdict]) -> str:
    """Return verdicts as a Markdown table: one row per table and suite, sorted; verdicts of shards are added up.

    "Rows held back" counts rows that break a rule; rows rejected with them are in the quarantine.
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
