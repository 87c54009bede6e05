"""Write expectations.json of a release: the suite of every table, and how many rows failed."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

import orjson

from medmultipoints.expectations.verdicts import Verdict, verdict_from_json

EXPECTATIONS: Final = "expectations.json"


def expectations_bytes(verdicts: Mapping[str, Iterable[Mapping[str, Any]]]) -> bytes:
    """Return the content of expectations.json: the verdicts of each stage in stage order, rules by table."""
    rows = [
        {"stage": stage} | row for stage, found in verdicts.items() for row in _by_table(map(verdict_from_json, found))
    ]
    content = {"format": 1, "tables": rows}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _by_table(verdicts: Iterable[Verdict]) -> Iterable[dict[str, Any]]:
    """Yield one entry per table and suite; rows held back are those that break a rule themselves."""
    ordered = sorted(verdicts, key=lambda verdict: (verdict.table, verdict.suite))
    for (table, suite), group in groupby(ordered, lambda verdict: (verdict.table, verdict.suite)):
        found = list(group)
        yield {
            "table": table,
            "suite": suite,
            "rows": sum(verdict.rows for verdict in found),
            "held_back": sum(len({failure.position for failure in verdict.failures}) for verdict in found),
            "rules": [
                {"rule": rule.rule, "severity": rule.severity, "rows": rule.rows, "failed": rule.failed}
                for verdict in found
                for rule in verdict.checked
            ],
        }
