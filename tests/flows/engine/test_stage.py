"""Code asks declarations for columns by the name of a table: an edit of that declaration must rebuild the stage."""

import ast
from functools import cache
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.keys import CODE_ROOT, reach
from medmultipoints.flows.engine.stage import Stage
from medmultipoints.flows.stages.pipeline import PIPELINE

ROOT = Path(__file__).resolve().parents[3]
ASKED = {"column_names", "load_table", "schema_of"}
ELSEWHERE = {
    "corrections": "medmultipoints/transforms/audit/corrections.py",
    "disagreements": "medmultipoints/transforms/audit/findings.py",
}
"""Recipes are read with the records of the first module; the survey shares helpers with the audit in the second and
writes columns of its own table. A stage that reads it makes the table."""
STAGES = {stage.name: stage for stage in PIPELINE}


def tables_of(stage: Stage) -> set[str]:
    """The tables whose declarations are in the key of a stage: its own, and those of all stages that it reads."""
    return {"exclusions", *stage.writes}.union(*(tables_of(STAGES[name]) for name in stage.reads))


@cache
def named_tables(path: Path) -> set[str]:
    """The tables that a module names where it asks for columns or types."""
    calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call))
    asked = (call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ASKED and call.args)
    return {call.args[0].value for call in asked if isinstance(call.args[0], ast.Constant)}  # type: ignore[misc]


@pytest.mark.parametrize("stage", PIPELINE, ids=lambda stage: stage.name)
def test_the_key_of_a_stage_covers_the_declarations_that_its_modules_name(stage: Stage) -> None:
    """A table that is neither written by the stage nor by one before it would change its result unnoticed."""
    modules = [path for path in reach((stage.work.__module__,), CODE_ROOT, {}) if path.endswith(".py")]
    named = {table: path for path in modules for table in named_tables(ROOT / path)}
    assert {
        table: path for table, path in named.items() if table not in tables_of(stage) and ELSEWHERE.get(table) != path
    } == {}
