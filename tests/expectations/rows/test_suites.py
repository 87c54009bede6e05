"""Suites are generated, committed, stable, and say what the declarations say."""

import json

import pytest

from medmultipoints.expectations.rows.suites import FLAG, SUITES, all_suites, load_suite, render, row_flags, row_suite
from medmultipoints.transforms.columns.tables import load_table, parse_table, table_names

PARAMETERS = """
key = "id"
entity = "id"
meaning = "A thing."
[columns]
id    = { type = "string", meaning = "name" }
label = { type = "string", meaning = "c", check = { values = { parameter = "labels" }, regex = '^(a|b)\\.(?:c)\\(d$' } }
side  = { type = "int64", meaning = "side", check = { max = { parameter = "max_side" } } }
[rules]
"""


def test_the_committed_suites_are_those_that_the_declarations_give() -> None:
    """Otherwise run `python -m medmultipoints.expectations.rows.suites` and commit the result."""
    committed = {path.stem: path.read_text("utf-8") for path in SUITES.glob("*.json")}
    assert committed == {name: render(suite) for name, suite in all_suites().items()}


def test_suites_hold_no_ids() -> None:
    """Great Expectations writes random ones into the files it manages; these it never touches."""
    for name in all_suites():
        assert not {"id", "ge_cloud_id"} & {key for entry in load_suite(name)["expectations"] for key in entry}


@pytest.mark.parametrize("name", [*table_names(), "records_published"])
def test_rules_have_distinct_names_that_serve_as_reasons(name: str) -> None:
    """A reason in the quarantine is a lower-case word."""
    rules = [expectation["meta"]["rule"] for expectation in load_suite(name)["expectations"]]
    assert len(set(rules)) == len(rules)
    assert all(rule.isidentifier() and rule == rule.lower() for rule in rules)


@pytest.mark.parametrize("name", table_names())
def test_suites_judge_scalars_and_flags_only(name: str) -> None:
    """List columns and pictures enter as flags; every flag has an expression and every expression is judged."""
    table = load_table(name)
    judged = {expectation["kwargs"]["column"] for expectation in row_suite(table)["expectations"]}
    flags = {FLAG + rule for rule in row_flags(table)}
    assert judged - {column.name for column in table.columns if not column.depth and column.type != "image"} == flags


def test_row_rules_warn_and_table_rules_are_critical() -> None:
    """A row goes to quarantine and the build goes on; a table that does not hold stops it."""
    severities = {name: {e["severity"] for e in suite["expectations"]} for name, suite in all_suites().items()}
    assert severities.pop("table_rules") == {"critical"}
    assert set.union(*severities.values()) == {"warning"}


def test_the_recipe_fills_parameters_and_patterns_are_made_strict() -> None:
    """A final dollar sign lets no line break follow, and groups do not capture."""
    suite = row_suite(parse_table("things", PARAMETERS))
    kwargs = {e["meta"]["rule"]: e["kwargs"] for e in suite["expectations"]}
    assert kwargs["label_in_set"]["value_set"] == {"$PARAMETER": "labels"}
    assert kwargs["side_in_range"]["max_value"] == {"$PARAMETER": "max_side"}
    assert kwargs["label_matches"]["regex"] == r"^(?:a|b)\.(?:c)\(d\Z"
    assert json.loads(render(suite)) == suite
