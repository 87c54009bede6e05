"""Validate rows and tables with the committed Great Expectations suites, and reject the entities of failing rows."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from medmultipoints.expectations.rows.counts import count_failures
from medmultipoints.expectations.rows.suites import FLAG, TABLE_RULES, Suite, load_suite, row_flags
from medmultipoints.expectations.verdicts import BrokenRule, Rejection, RowFailure, RuleResult, TableRuleFailed, Verdict
from medmultipoints.transforms.columns.tables import Table, polars_schema, suite_name
from medmultipoints.transforms.reporting.counted import first_few

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BrokenRule", "Rejection", "RowFailure", "RuleResult", "TableRuleFailed", "Verdict"]
__all__ += ["check_table_rules", "find_rejections", "leave_out", "run_suite", "validate"]

CHUNK_ROWS = 250_000
POSITION = "row"
NO_COPIES: Mapping[str, pl.Series] = MappingProxyType({})
_SHOWN_CHARACTERS = 200
_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [POSITION],
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}

FailedRows = dict[str, list[int]]
"""The positions of the rows that break each rule, in suite order."""


def validate(
    frame: pl.DataFrame,
    table: Table,
    *,
    variant: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
    copies: Mapping[str, pl.Series] = NO_COPIES,
    **parameters: object,
) -> Verdict:
    """Return the verdict of the table's suite, with key and entity of each row that breaks a rule.

    The frame has the declared columns and types (see ``conform``); image columns are ignored. Uniqueness is checked
    over the whole frame, for any ``chunk_rows``; if the frame is a part of a table, ``copies`` are the repeated values
    of a column in the whole table. ``variant`` is the box policy, ``parameters`` fill the checks that the recipe
    decides. Raise BrokenRule if a rule cannot be evaluated.
    """
    suite = load_suite(suite_name(table.name, variant))
    rows = _narrow(frame, table, suite, row_flags(table, variant) | _copied(copies))
    failed: FailedRows = {expectation["meta"]["rule"]: [] for expectation in suite["expectations"]}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(
            lambda chunk: run_suite(chunk.to_pandas(), suite, parameters), rows.iter_slices(chunk_rows)
        ):
            for rule, positions in found.items():
                failed[rule] += positions
    severity = _severities(suite)
    checked = tuple(RuleResult(rule, frame.height, len(found), severity[rule]) for rule, found in failed.items())
    failures = [failure for rule in suite["expectations"] for failure in _failures(frame, table, rule, failed)]
    failures.sort(key=lambda failure: failure.position)
    return Verdict(table.name, suite["name"], frame.height, tuple(failures), checked)


def find_rejections(verdict: Verdict) -> tuple[Rejection, ...]:
    """Return one rejection per entity with a failing row, sorted by entity."""
    found: dict[str, list[RowFailure]] = defaultdict(list)
    for failure in verdict.failures:
        found[failure.entity].append(failure)
    return tuple(
        Rejection(entity, own[0].rule, first_few([f"{failure.row}: {failure.detail}" for failure in own]))
        for entity, own in sorted(found.items())
    )


def leave_out(frame: pl.DataFrame, table: Table, rejected: Collection[str]) -> pl.DataFrame:
    """Return the rows of the entities that are not rejected.

    An image loses all its rows if one of them fails: without the wrong object its count would be wrong.
    """
    return frame.filter(~_entity(table).is_in(sorted(rejected))) if rejected else frame


def check_table_rules(rules: Mapping[str, tuple[bool, str]], name: str) -> Verdict:
    """Return the verdict on rules over a whole table, computed elsewhere (``expectations.references``).

    ``rules`` maps each rule to whether it holds and a detail for people. Raise TableRuleFailed if one does not hold.
    """
    schema = {"rule": pl.String, "ok": pl.Boolean, "detail": pl.String}
    frame = pl.DataFrame(
        [(rule, bool(ok), detail) for rule, (ok, detail) in rules.items()], schema=schema, orient="row"
    )
    suite = load_suite(TABLE_RULES)
    failed = run_suite(frame.with_row_index(POSITION).to_pandas(), suite, {})
    severity = _severities(suite)["holds"]
    failures = tuple(
        RowFailure(rule, name, rule, detail, position)
        for position, (rule, (_, detail)) in enumerate(rules.items())
        if position in failed["holds"]
    )
    checked = tuple(RuleResult(rule, 1, failed["holds"].count(i), severity) for i, rule in enumerate(rules))
    verdict = Verdict(name, TABLE_RULES, frame.height, failures, checked)
    if failures:
        raise TableRuleFailed(verdict)
    return verdict


def run_suite(rows: "pd.DataFrame", suite: Suite, parameters: Mapping[str, object]) -> FailedRows:
    """Return the positions (column ``row``) of all rows that break each rule of a suite, in suite order.

    Failures are counted first; only rules with failures are validated in full. Thread-safe: each call has its own
    in-memory engine. Raise BrokenRule if a rule raised an error.
    """
    counts = count_failures(rows, suite, parameters)
    found: FailedRows = {rule: [] for rule in counts}
    doubtful = [rule for rule, count in counts.items() if count != 0]
    if doubtful:
        part = suite | {"expectations": [rule for rule in suite["expectations"] if rule["meta"]["rule"] in doubtful]}
        results = _judge(rows, part, parameters)
        found |= {rule: _failed_rows(suite["name"], rule, results.get(rule)) for rule in doubtful}
    return found


def _judge(rows: "pd.DataFrame", suite: Suite, parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return the full Great Expectations result of each rule."""
    from medmultipoints.expectations.rows.library import GreatExpectationsError, ProgressBarsConfig, gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": rows})
    try:
        expectations = gx.ExpectationSuite(**suite)
        verdict = batch.validate(expectations, result_format=_RESULT_FORMAT, expectation_parameters=dict(parameters))
    except (GreatExpectationsError, KeyError, TypeError, ValueError) as error:
        raise BrokenRule(suite["name"], "(the whole suite)", str(error)) from error
    return {result.expectation_config.meta["rule"]: result for result in verdict.results if result.expectation_config}


def _failed_rows(suite: str, rule: str, result: Any) -> list[int]:
    """Return the rows that broke the rule; raise BrokenRule for an error in the rule, which looks like a failure."""
    if result is None:
        raise BrokenRule(suite, rule, "Great Expectations gave no result")
    for info in result.exception_info.values():
        if isinstance(info, dict) and info["raised_exception"]:
            raise BrokenRule(suite, rule, str(info["exception_message"]))
    rows = sorted(int(row[POSITION]) for row in result.result.get("unexpected_index_list") or ())
    if not result.success and not rows:
        raise BrokenRule(suite, rule, "it failed without naming a row")
    return rows


def _copied(copies: Mapping[str, pl.Series]) -> dict[str, pl.Expr]:
    """Return the flags that replace those which a part of a table cannot compute."""
    return {f"{name}_unique": ~pl.col(name).is_in(values.implode()).fill_null(False) for name, values in copies.items()}


def _narrow(frame: pl.DataFrame, table: Table, suite: Suite, flags: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return the row position, the scalar columns of the suite, and the flags; no lists or pictures."""
    for name, dtype in polars_schema(table).items():
        if (actual := frame.schema.get(name)) != dtype:
            found = "is missing" if actual is None else f"is {actual}, expected {dtype}"
            raise BrokenRule(suite["name"], f"on column {name}", f"the column {found}")
    judged = {expectation["kwargs"]["column"] for expectation in suite["expectations"]}
    scalars = [column.name for column in table.columns if column.name in judged]
    flagged = [flag.alias(FLAG + rule) for rule, flag in flags.items()]
    try:
        return frame.select(pl.int_range(frame.height, eager=True).alias(POSITION), *scalars, *flagged)
    except pl.exceptions.PolarsError as error:
        raise BrokenRule(suite["name"], "(one of its flags)", str(error)) from error


def _failures(frame: pl.DataFrame, table: Table, rule: Mapping[str, Any], failed: FailedRows) -> Iterator[RowFailure]:
    meta, positions = rule["meta"], failed[rule["meta"]["rule"]]
    if not positions:
        return
    values = [pl.col(name).alias(f"_{name}") for name in meta["columns"]]
    rows = frame.select(_key(table).alias("row"), _entity(table).alias("entity"), *values)[positions]
    for position, (row, entity, *found) in zip(positions, rows.iter_rows(), strict=True):
        shown = ", ".join(f"{name} = {_shown(value)}" for name, value in zip(meta["columns"], found, strict=True))
        yield RowFailure(row, entity, meta["rule"], f"{meta['meaning']}: not so with {shown}", position)


def _key(table: Table) -> pl.Expr:
    return pl.coalesce(table.key, pl.format("row {}", pl.int_range(pl.len())))


def _entity(table: Table) -> pl.Expr:
    return pl.coalesce(table.entity, _key(table))


def _severities(suite: Suite) -> dict[str, str]:
    return {expectation["meta"]["rule"]: expectation["severity"] for expectation in suite["expectations"]}


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
