"""The flags of row rules: complete, never null, and equal to a plain reading of each rule."""

import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmultipoints.expectations.rows.rules import RULES, VARIANT_RULES, rule_flags
from medmultipoints.expectations.rows.suites import row_flags
from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema, table_names

Row = dict[str, Any]
NUMBERS = st.sampled_from([None, math.nan, math.inf, -1.0, -0.5, 0.0, 1.0, 2.0, 2.0005, 3.5, 4.0, 4.5, 5.0])


def test_every_declared_rule_has_an_expression_and_the_reverse() -> None:
    """Nothing declared goes unchecked, nothing checked goes undeclared."""
    declared = {(name, rule.name) for name in table_names() for rule in load_table(name).rules}
    assert set(RULES) == declared
    assert {(table, rule) for table, _, rule in VARIANT_RULES} <= declared


@pytest.mark.parametrize("name", table_names())
def test_flags_are_never_null(name: str) -> None:
    """A row in which everything is null has a definite answer to every rule, so has an empty table."""
    table = load_table(name)
    flags = row_flags(table)
    nothing = pl.DataFrame([dict.fromkeys(polars_schema(table))], schema=polars_schema(table))
    assert sum(nothing.select(**flags).null_count().row(0)) == 0
    assert all(dtype == pl.Boolean for dtype in empty_frame(table).select(**flags).dtypes)


def _flag(rule: str, variant: str, row: Row) -> bool:
    schema = {name: dtype for name, dtype in polars_schema(load_table("records")).items() if name in row}
    flag = rule_flags(load_table("records"), variant)[rule]
    return bool(pl.DataFrame([row], schema=schema, strict=False).select(flag=flag).item())


def _formed(lists: list[Any] | None, numbers: int) -> bool:
    return lists is not None and all(
        inner is not None and len(inner) == numbers and all(n is not None and math.isfinite(n) for n in inner)
        for inner in lists
    )


def _inside_image(boxes: list[Any] | None, variant: str) -> bool:
    if not _formed(boxes, 4):
        return False
    edges = [(box[i], side) for box in boxes or [] for i, side in zip(range(4), (4, 3, 4, 3), strict=True)]
    if variant == "published":
        return all(-1 < edge < side + 1 for edge, side in edges)
    return all(0 <= edge <= side for edge, side in edges)


def _points_inside(points: list[Any] | None, boxes: list[Any] | None) -> bool:
    if not (_formed(points, 2) and _formed(boxes, 4)) or len(points or []) != len(boxes or []):
        return False
    return all(
        x1 - 1e-3 <= x <= x2 + 1e-3 and y1 - 1e-3 <= y <= y2 + 1e-3
        for (x, y), (x1, y1, x2, y2) in zip(points or [], boxes or [], strict=True)
    )


def _lists(numbers: int) -> st.SearchStrategy[list[Any] | None]:
    exact = st.lists(NUMBERS, min_size=numbers, max_size=numbers)
    finite = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]), min_size=numbers, max_size=numbers)
    odd = st.lists(NUMBERS, max_size=5)
    return st.none() | st.lists(finite, max_size=3) | st.lists(st.none() | exact | odd | finite, max_size=3)


@settings(deadline=None)
@given(boxes=_lists(4), points=_lists(2))
def test_flags_of_records_agree_with_a_plain_reading_of_the_rules(
    boxes: list[Any] | None, points: list[Any] | None
) -> None:
    """Nulls, wrong lengths, NaN and infinity included, under both policies."""
    row = {"bbox": boxes, "points": points, "img_size": [4, 3]}
    area = _formed(boxes, 4) and all(x1 < x2 and y1 < y2 for x1, y1, x2, y2 in boxes or [])
    for variant in ("audited", "published"):
        assert _flag("boxes_have_area", variant, row) == area
        assert _flag("boxes_inside_image", variant, row) == _inside_image(boxes, variant)
        assert _flag("points_inside_boxes", variant, row) == _points_inside(points, boxes)


def test_rows_are_judged_alone() -> None:
    """A row whose lists differ in length breaks its own rule and no other row's."""
    rows = [{"bbox": [[0, 0, 2, 2]] * n, "points": [[1, 1]] * m} for n, m in ((1, 1), (2, 1), (0, 0), (0, 1), (2, 2))]
    schema = {"bbox": pl.List(pl.List(pl.Float32)), "points": pl.List(pl.List(pl.Float32))}
    frame = pl.DataFrame(rows, schema=schema)
    assert frame.select(RULES["records", "points_inside_boxes"]).to_series().to_list() == [
        True,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("size", "scale", "stored", "holds"),
    [
        ((1348, 1070), 700 / 1348, (700, 555), True),
        ((768, 576), 700 / 768, (700, 525), True),
        ((622, 529), 1.0, (622, 529), True),
        ((1000, 1), 0.7, (700, 1), True),
        ((1348, 1070), 700 / 1348, (700, 556), False),
        ((1000, 1), 0.7, (700, 0), False),
    ],
)
def test_stored_size_is_the_integer_part_of_the_scaled_one(
    size: tuple[int, int], scale: float, stored: tuple[int, int], holds: bool
) -> None:
    """As in the published dataset (1348 x 1070 gives 700 x 555), and no side vanishes."""
    names = ("original_width", "original_height", "width", "height", "scale")
    frame = pl.DataFrame([(*size, *stored, scale)], schema=names, orient="row")
    assert frame.select(RULES["images", "released_size_is_scaled"]).item() is holds


def test_the_longer_side_is_kept_or_becomes_700_at_any_size() -> None:
    """Rounding in floating point never takes a pixel from the side that decides the scale."""
    side = pl.int_range(1, 5001, eager=True).alias("original_width")
    stored = pl.col("original_width").clip(upper_bound=700)
    frame = side.to_frame().with_columns(original_height="original_width", width=stored, height=stored)
    scaled = frame.with_columns(scale=pl.min_horizontal(1.0, 700 / pl.col("original_width")))
    assert scaled.select(RULES["images", "released_size_is_scaled"].all()).item()


@pytest.mark.parametrize(
    "prompt", ['<image> {"counts": 2}', "<image> {x, y}", "<image> [{}]", '<image> {"a": {"b": 1}}']
)
def test_json_in_a_prompt_is_no_placeholder(prompt: str, good_row: Callable[[str, int], Row]) -> None:
    """Only a lone name in braces is."""
    frame = pl.DataFrame([good_row("instructions", 0) | {"prompt": prompt}])
    assert frame.select(RULES["instructions", "no_placeholder_left"]).item()
