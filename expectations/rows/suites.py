"""Generate the Great Expectations suites from the declarations, committed as ``suites/<name>.json``.

``python -m medmultipoints.expectations.rows.suites`` rewrites them. Scalar columns get native expectations; rules that
Great Expectations handles wrongly, slowly or only within a chunk become boolean flags ``ok_<rule>`` that must be true.
Row rules have severity ``warning`` (the row is quarantined), table rules ``critical`` (the build stops).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.expectations.rows.rules import complete_flag, finite_flag, rule_flags, unique_flag
from medmultipoints.transforms.columns.tables import (
    TABLES,
    VARIANTS,
    Check,
    Column,
    Parameter,
    Table,
    load_table,
    suite_name,
    table_names,
)

SUITES = Path(__file__).parents[1] / "suites"
TABLE_RULES = "table_rules"
FLAG = "ok_"

Suite = dict[str, Any]


def table_digest(name: str) -> str:
    """Return the sha256 of a table's declaration and committed suites, a part of its stage's keys."""
    suites = [SUITES / f"{suite_name(name, variant)}.json" for variant in (None, *VARIANTS.get(name, ()))]
    digest = hashlib.sha256()
    for path in (TABLES.joinpath(f"{name}.toml"), *suites):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def row_flags(table: Table, variant: str | None = None) -> dict[str, pl.Expr]:
    """Return the rules of the table's suite that are computed as flags, with their expressions."""
    flags: dict[str, pl.Expr] = {}
    for column in table.columns:
        if column.check.unique:
            flags[f"{column.name}_unique"] = unique_flag(column)
        if column.depth:
            flags[f"{column.name}_complete"] = complete_flag(column)
        elif column.scalar.startswith("float"):
            flags[f"{column.name}_finite"] = finite_flag(column)
    return flags | rule_flags(table, variant)


def row_suite(table: Table, variant: str | None = None) -> Suite:
    """Return the suite that each row of a table must pass under a box policy."""
    expectations = [expectation for column in table.columns for expectation in _column(column)]
    flags = rule_flags(table, variant)
    for rule in table.rules:
        roots = set(flags[rule.name].meta.root_names())
        columns = [column.name for column in table.columns if column.name in roots]
        expectations.append(_flag(rule.name, columns, rule.meaning))
    return {"name": suite_name(table.name, variant), "expectations": expectations}


def table_suite() -> Suite:
    """Return the suite for verdicts of table rules (columns rule, ok, detail), which are computed elsewhere."""
    holds = _expectation("in_set", "ok", {"value_set": [True]}, "holds", ["rule", "detail"], "the rule holds")
    named = _expectation("not_null", "rule", {}, "rule_is_named", ["rule"], "the rule has a name")
    return {"name": TABLE_RULES, "expectations": [{**named, "severity": "critical"}, {**holds, "severity": "critical"}]}


def all_suites() -> dict[str, Suite]:
    """Return every suite by name."""
    wanted = [(name, variant) for name in table_names() for variant in (None, *VARIANTS.get(name, ()))]
    suites = [row_suite(load_table(name), variant) for name, variant in wanted]
    return {suite["name"]: suite for suite in (*suites, table_suite())}


def render(suite: Suite) -> str:
    """Return the committed text of a suite: sorted keys, indented, no ids."""
    return json.dumps(suite, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load_suite(name: str) -> Suite:
    """Return the committed suite of that name."""
    suite: Suite = json.loads((SUITES / f"{name}.json").read_text("utf-8"))
    return suite


def _column(column: Column) -> Iterator[dict[str, Any]]:
    name, where_given = column.name, ", where given" if column.nullable else ""
    if column.type == "image":
        return
    if column.depth:
        numbers = "finite numbers" if column.scalar.startswith("float") else "given values"
        yield _flag(f"{name}_complete", [name], f"{name} is a list of {numbers}{where_given}")
    elif column.scalar.startswith("float"):
        yield _flag(f"{name}_finite", [name], f"{name} is a finite number{where_given}")
    elif not column.nullable:
        yield _expectation("not_null", name, {}, f"{name}_not_null", [name], f"{name} is given")
    yield from _checks(name, column.check)


def _checks(name: str, check: Check) -> Iterator[dict[str, Any]]:
    def expectation(kind: str, rule: str, part: Check, **kwargs: object) -> dict[str, Any]:
        return _expectation(kind, name, kwargs, f"{name}_{rule}", [name], f"{name} is {describe_check(part)}")

    bounds = {f"{end}_value": _value(getattr(check, end)) for end in ("min", "max") if getattr(check, end) is not None}
    if bounds:
        yield expectation("between", "in_range", Check(min=check.min, max=check.max), **bounds)
    if check.values is not None:
        yield expectation("in_set", "in_set", Check(values=check.values), value_set=_value(check.values))
    if check.regex is not None:
        yield expectation("regex", "matches", Check(regex=check.regex), regex=_pattern(check.regex))
    if check.unique:
        yield _flag(f"{name}_unique", [name], f"{name} is {describe_check(Check(unique=True))}")


def describe_check(check: Check) -> str:
    """Return a phrase for a check that can follow the word "is"; empty for a column without a check."""
    parts = ["unique"] if check.unique else []
    parts += [f"at least {_text(check.min)}"] if check.min is not None else []
    parts += [f"at most {_text(check.max)}"] if check.max is not None else []
    if isinstance(check.values, tuple):
        parts.append(("one of " if len(check.values) > 1 else "") + ", ".join(map(json.dumps, check.values)))
    elif check.values is not None:
        parts.append(f"one of {_text(check.values)}")
    parts += [f"of the form {check.regex}"] if check.regex is not None else []
    return ", ".join(parts)


def _text(value: object) -> str:
    return f"the recipe's {value.name}" if isinstance(value, Parameter) else str(value)


def _pattern(regex: str) -> str:
    r"""Return the pattern in a form for Great Expectations.

    ``\Z`` replaces a final ``$``, which would allow a line break; groups do not capture, because pandas warns of them.
    """
    strict = regex[:-1] + r"\Z" if regex.endswith("$") and not regex.endswith(r"\$") else regex
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", strict)


def _value(value: object) -> object:
    if isinstance(value, Parameter):
        return {"$PARAMETER": value.name}
    return list(value) if isinstance(value, tuple) else value


_TYPES = {
    "not_null": "expect_column_values_to_not_be_null",
    "between": "expect_column_values_to_be_between",
    "in_set": "expect_column_values_to_be_in_set",
    "regex": "expect_column_values_to_match_regex",
}


def _flag(rule: str, columns: list[str], meaning: str) -> dict[str, Any]:
    return _expectation("in_set", FLAG + rule, {"value_set": [True]}, rule, columns, meaning)


def _expectation(
    kind: str, column: str, kwargs: dict[str, Any], rule: str, columns: list[str], meaning: str
) -> dict[str, Any]:
    meta = {"rule": rule, "columns": columns, "meaning": meaning}
    return {"type": _TYPES[kind], "kwargs": {"column": column, **kwargs}, "meta": meta, "severity": "warning"}


def main() -> None:
    """Write every suite, and remove those of deleted tables."""
    suites = all_suites()
    for path in SUITES.glob("*.json"):
        if path.stem not in suites:
            path.unlink()
    for name, suite in suites.items():
        (SUITES / f"{name}.json").write_text(render(suite), "utf-8")


if __name__ == "__main__":
    main()
