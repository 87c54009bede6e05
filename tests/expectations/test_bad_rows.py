"""Good rows pass, bad ones are held: one bad row per column check and per rule of every table."""

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

from medmultipoints.expectations.rows.suites import load_suite
from medmultipoints.expectations.rows.validate import validate
from medmultipoints.transforms.columns.tables import Column, Parameter, Table, load_table, suite_name, table_names

Row = dict[str, Any]
# What a recipe gives its suites.
PARAMETERS: dict[str, Any] = {"labels": ["polyps", "text"], "tasks": ["counting", "text"]}
SUITES = [*((name, "audited") for name in table_names()), ("records", "published")]

BREAKS_RULE: dict[tuple[str, str], list[Row]] = {
    ("duplicates", "copies_another"): [{"sample_id": "a/kept"}],
    ("images", "released_size_is_scaled"): [{"width": 701}, {"height": 556}, {"height": 554}],
    ("instructions", "prompt_names_object"): [{"name": "sperm"}, {"name": ""}],
    ("instructions", "no_placeholder_left"): [
        {"prompt": "<image> polyp {name}"},
        {"prompt": "<image> polyp {{ name }}"},
        {"prompt": '<image> polyp {"counts": count, "label": c_lbl}'},
    ],
    ("joins", "other_is_larger"): [{"other_id": "a/0"}],
    ("near_duplicates", "other_is_larger"): [{"other_id": "a/0"}],
    ("objects", "box_has_area"): [{"x1": 2.0}, {"y1": 3.0}],
    ("objects", "tone_of_mask"): [{"luma": None}, {"ring_roughness": None}, {"rle": None}],
    ("proposals", "box_has_area"): [{"x1": 2.0}, {"y2": 0.0}],
    ("records", "lengths_agree"): [{"count": 3}, {"object_ids": ["0"]}, {"point_kind": []}],
    ("records", "boxes_have_area"): [
        {"bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, 8.0, 8.0]]},
        {"bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, 10.0]]},
        {"bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, float("nan"), 8.0]]},
    ],
    ("records", "boxes_inside_image"): [
        {"bbox": [[-1.0, 0.0, 2.0, 2.0], [8.0, 6.0, 10.0, 8.0]]},
        {"bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, 11.0, 8.0]]},
        {"bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, 10.0, 9.0]]},
        {"img_size": [10]},
    ],
    ("records", "points_inside_boxes"): [
        {"points": [[1.0, 1.0], [9.0, 5.99]]},
        {"points": [[2.01, 1.0], [9.0, 7.0]]},
        {"points": [[1.0, 1.0]]},
        {"points": [[1.0, 1.0], [9.0]]},
        {"points": [[1.0, 1.0], [9.0, float("nan")]]},
    ],
    ("regions", "box_has_area"): [{"x1": 10.0}, {"y1": 8.0}],
    ("regions", "box_inside_image"): [{"x2": 11.0}, {"y2": 8.5}],
    ("regions", "centroid_in_box"): [{"cx": 10.5}, {"cy": -0.5}, {"cx": None}],
    ("regions", "interior_in_box"): [{"ix": -1.0}, {"iy": 8.5}, {"iy": None}],
    ("regions", "tone_of_mask"): [{"luma": 9.5}],
    ("samples", "picture_is_named"): [{"image_member": None}],
    ("samples", "boxes_have_labels"): [{"source_labels": []}],
    ("split_changes", "split_differs"): [{"stated_split": "test"}],
    ("thumbnails", "thumbnail_is_whole"): [{"thumbnail": "0" * 2047}, {"thumbnail": "x" * 2048}],
}
"""Changes to a good row that break a declared rule."""


def _breaking_values(column: Column, rule: str, good: Any) -> list[Any]:
    """Values of a column that break one of its generated rules."""
    check = column.check
    values: dict[str, list[Any]] = {
        "not_null": [None],
        "finite": [float("inf"), float("nan")] + ([] if column.nullable else [None]),
        "complete": [[None] if column.depth == 1 else [[None]]] + ([] if column.nullable else [None]),
        "in_range": _beyond(check.min, -1) + _beyond(check.max, 1),
        "in_set": [False] if column.type == "bool" else ["?"],
        "matches": ["?"] + [f"{good}\n"] * str(check.regex).endswith("$"),
    }
    return values[rule]


def _beyond(bound: float | Parameter | None, step: int) -> list[float]:
    return [bound + step] if isinstance(bound, int | float) else []


def _bad_rows(table: Table, suite: str, good: Row) -> Iterator[tuple[str, Row]]:
    """Every rule of a suite but uniqueness, with changes to a good row that break it."""
    for expectation in load_suite(suite)["expectations"]:
        rule, column = expectation["meta"]["rule"], expectation["meta"]["columns"][0]
        if (table.name, rule) in BREAKS_RULE:
            yield from ((rule, change) for change in BREAKS_RULE[table.name, rule])
        elif not rule.endswith("_unique"):
            kind = rule.removeprefix(f"{column}_")
            values = _breaking_values(table.column(column), kind, good[column]) if kind != rule else []
            yield from ((rule, {column: value}) for value in values)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), SUITES)
def test_every_rule_holds_back_the_row_that_breaks_it_and_no_good_row(
    name: str,
    variant: str,
    good_row: Callable[[str, int], Row],
    rows_frame: Callable[[str, list[Row]], pl.DataFrame],
) -> None:
    """Bad rows stand between good ones; each fails at least the rule it was made to break."""
    table, suite = load_table(name), suite_name(name, variant)
    bad = list(_bad_rows(table, suite, good_row(name, 0)))
    rows = [good_row(name, 2 * i) | change for i, (_, change) in enumerate(bad)]
    mixed = [row for i, bad_row in enumerate(rows) for row in (bad_row, good_row(name, 2 * i + 1))]
    verdict = validate(rows_frame(name, mixed), table, variant=variant, **PARAMETERS)
    broken = {(failure.position, failure.rule) for failure in verdict.failures}
    assert {(2 * i, rule) for i, (rule, _) in enumerate(bad)} <= broken
    assert not [position for position, _ in broken if position % 2]
    declared = {expectation["meta"]["rule"] for expectation in load_suite(suite)["expectations"]}
    assert declared == {rule for rule, _ in bad} | {rule for rule in declared if rule.endswith("_unique")}


@pytest.mark.parametrize(
    "name", [name for name in table_names() if any(c.check.unique for c in load_table(name).columns)]
)
def test_both_rows_that_share_a_unique_value_are_reported(
    name: str, good_row: Callable[[str, int], Row], rows_frame: Callable[[str, list[Row]], pl.DataFrame]
) -> None:
    """Each unique column in turn repeats its first value in the last row."""
    table = load_table(name)
    for column in (column.name for column in table.columns if column.check.unique):
        rows = [good_row(name, i) for i in range(3)]
        rows[2][column] = rows[0][column]
        verdict = validate(rows_frame(name, rows), table, **PARAMETERS)
        assert {failure.position for failure in verdict.failures if failure.rule == f"{column}_unique"} == {0, 2}


@pytest.mark.parametrize(("name", "variant"), SUITES)
def test_good_rows_pass_and_so_does_an_empty_table(
    name: str, variant: str, good_frame: Callable[[str, int], pl.DataFrame]
) -> None:
    """No rule is broken, and every rule of the suite was judged."""
    for rows in (2, 0):
        verdict = validate(good_frame(name, rows), load_table(name), variant=variant, **PARAMETERS)
        assert (verdict.rows, verdict.failures) == (rows, ())
        assert len(verdict.checked) == len(load_suite(suite_name(name, variant))["expectations"])
