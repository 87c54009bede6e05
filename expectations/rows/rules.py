"""Row rules as polars expressions: one boolean flag per rule and row, never null (unknown counts as broken).

Great Expectations handles list columns wrongly or slowly, so they are reduced to flags here.
"""

from collections.abc import Mapping

import polars as pl

from medmultipoints.transforms.columns.tables import Column, Table
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.records import SIDES, TONE_COLUMNS

FLOAT32_ROUNDING_PX = 1e-3
"""Tolerance in pixels: points and boxes of records are rounded to float32 independently."""

_each = pl.element()
# An unfilled {name}, {{ name }}, ${name} or %(name)s, and the names that the published prompts left in their text.
_PLACEHOLDER = r"\{\s*[A-Za-z_]\w*\s*\}|%\([A-Za-z_]\w*\)s|\b[bcp]_lbl\b"


def _between(low: str, value: str, high: str) -> pl.Expr:
    return (pl.col(low) <= pl.col(value)) & (pl.col(value) <= pl.col(high))


def _where_given(x: str, y: str, rule: pl.Expr) -> pl.Expr:
    """Return whether both coordinates are null, or both are given and the rule holds."""
    neither = pl.col(x).is_null() & pl.col(y).is_null()
    return neither | (pl.col(x).is_finite() & pl.col(y).is_finite() & rule).fill_null(False)


def _point_in_box(x: str, y: str) -> pl.Expr:
    return _where_given(x, y, _between("x1", x, "x2") & _between("y1", y, "y2"))


def _scaled(side: str) -> pl.Expr:
    """Return whether a stored side is the integer part of original side times scale, with a tiny tolerance."""
    scaled = (pl.col(f"original_{side}") * pl.col("scale") + 1e-9).floor()
    return pl.col(side) == pl.max_horizontal(scaled, pl.lit(1.0))


def _number(column: str, position: int) -> pl.Expr:
    """Return the numbers at one position of the inner lists, as a list per row."""
    return pl.col(column).list.eval(_each.list.get(position, null_on_oob=True))


def _well_formed(column: str, numbers: int) -> pl.Expr:
    """Return whether every inner list has exactly ``numbers`` finite numbers."""
    finite = [_number(column, i).list.eval(_each.is_finite().fill_null(False)).list.all() for i in range(numbers)]
    lengths = pl.col(column).list.eval((_each.list.len() == numbers).fill_null(False)).list.all()
    return pl.all_horizontal(lengths, *finite)


def _least(lists: pl.Expr, bound: pl.Expr | float) -> pl.Expr:
    """Return whether every number of the row's list is at least the bound."""
    return (lists.list.min() >= bound) | (lists.list.len() == 0)


def _boxes_inside(slack_px: float, *, strict: bool) -> pl.Expr:
    """Return whether every box lies within the image, with a tolerance of ``slack_px`` (strict: below it)."""

    def within(lists: pl.Expr, side: int) -> pl.Expr:
        edge = pl.col("img_size").list.get(side, null_on_oob=True).cast(pl.Float64)
        low, high = lists.list.min(), lists.list.max()
        inside = (
            (low > -slack_px) & (high < edge + slack_px) if strict else (low >= -slack_px) & (high <= edge + slack_px)
        )
        return inside | (lists.list.len() == 0)

    sides = [within(_number("bbox", i), i % 2) for i in range(4)]
    return pl.all_horizontal(_well_formed("bbox", 4), pl.col("img_size").list.len() == 2, *sides)


def _points_inside_boxes() -> pl.Expr:
    same = (pl.col("points").list.len() == pl.col("bbox").list.len()).fill_null(False)
    none = pl.lit([], dtype=pl.List(pl.Float32))

    def paired(column: str, position: int) -> pl.Expr:  # lists can only be subtracted if their lengths are equal
        return pl.when(same).then(_number(column, position)).otherwise(none)

    distances = [paired("points", i) - paired("bbox", i) for i in range(2)]
    distances += [paired("bbox", i + 2) - paired("points", i) for i in range(2)]
    inside = [_least(distance, -FLOAT32_ROUNDING_PX) for distance in distances]
    return pl.all_horizontal(same, _well_formed("points", 2), _well_formed("bbox", 4), *inside)


def _boxes_have_area() -> pl.Expr:
    right_of = (_each.list.get(2, null_on_oob=True) > _each.list.get(0, null_on_oob=True)).fill_null(False)
    below = (_each.list.get(3, null_on_oob=True) > _each.list.get(1, null_on_oob=True)).fill_null(False)
    return _well_formed("bbox", 4) & pl.col("bbox").list.eval(right_of & below).list.all()


_TONE = [pl.col(name).is_null() for name in TONE_COLUMNS]
_TONE_OF_MASK = pl.all_horizontal(_TONE) | ~pl.any_horizontal(*_TONE, pl.col("rle").is_null())
_LEFT, _TOP, _RIGHT, _BOTTOM = map(pl.col, SIDES)
_BOX_HAS_AREA = (_LEFT < _RIGHT) & (_TOP < _BOTTOM)

_RULES: Mapping[tuple[str, str], pl.Expr] = {
    ("duplicates", "copies_another"): pl.col("sample_id") != pl.col("kept_id"),
    ("images", "released_size_is_scaled"): _scaled("width") & _scaled("height"),
    ("instructions", "prompt_names_object"): pl.col("prompt").str.contains(pl.col("name"), literal=True)
    & ((pl.col("name").str.len_bytes() > 0) | ~pl.col("task").is_in(PUBLISHED)),
    ("instructions", "no_placeholder_left"): ~pl.col("prompt").str.contains(_PLACEHOLDER),
    ("joins", "other_is_larger"): pl.col("sample_id") < pl.col("other_id"),
    ("near_duplicates", "other_is_larger"): pl.col("sample_id") < pl.col("other_id"),
    ("objects", "box_has_area"): _BOX_HAS_AREA,
    ("objects", "tone_of_mask"): _TONE_OF_MASK,
    ("records", "lengths_agree"): pl.all_horizontal(
        pl.col("count") == pl.col(name).list.len() for name in ("bbox", "points", "point_kind", "object_ids")
    ),
    ("records", "boxes_have_area"): _boxes_have_area(),
    ("records", "boxes_inside_image"): _boxes_inside(0, strict=False),
    ("records", "points_inside_boxes"): _points_inside_boxes(),
    ("proposals", "box_has_area"): _BOX_HAS_AREA,
    ("regions", "box_has_area"): _BOX_HAS_AREA,
    ("regions", "box_inside_image"): (pl.col("x2") <= pl.col("image_width")) & (pl.col("y2") <= pl.col("image_height")),
    ("regions", "centroid_in_box"): _point_in_box("cx", "cy"),
    ("regions", "interior_in_box"): _point_in_box("ix", "iy"),
    ("regions", "tone_of_mask"): _TONE_OF_MASK,
    ("samples", "picture_is_named"): pl.col("image_member").is_not_null() | pl.col("video_member").is_not_null(),
    ("samples", "boxes_have_labels"): pl.col("source_boxes").list.len() == pl.col("source_labels").list.len(),
    ("split_changes", "split_differs"): pl.col("split") != pl.col("stated_split"),
    ("thumbnails", "thumbnail_is_whole"): (pl.col("thumbnail").str.len_bytes() == 2048)
    & ~pl.col("thumbnail").str.contains("[^0-9a-f]"),
}

RULES: Mapping[tuple[str, str], pl.Expr] = {rule: flag.fill_null(False) for rule, flag in _RULES.items()}
"""The flag of every declared rule, by table and rule; for ``records`` under the policy ``audited``."""

VARIANT_RULES: Mapping[tuple[str, str, str], pl.Expr] = {
    # Published boxes are the source's, grown by a pixel up to the edge and scaled: W * s may exceed floor(W * s).
    ("records", "published", "boxes_inside_image"): _boxes_inside(1, strict=True).fill_null(False),
}
"""The flags that differ under another policy, by table, policy and rule."""


def rule_flags(table: Table, variant: str | None = None) -> dict[str, pl.Expr]:
    """Return the flag of each of a table's declared rules, under a policy."""
    return {
        rule.name: VARIANT_RULES.get((table.name, variant or "audited", rule.name), RULES[table.name, rule.name])
        for rule in table.rules
    }


def unique_flag(column: Column) -> pl.Expr:
    """Return whether the value occurs once in the whole frame, or is null; all copies fail, including the first."""
    return pl.col(column.name).is_unique() | pl.col(column.name).is_null()


def finite_flag(column: Column) -> pl.Expr:
    """Return whether the number is finite.

    pandas does not distinguish NaN from null, so this also covers nulls.
    """
    return pl.col(column.name).is_finite().fill_null(column.nullable)


def complete_flag(column: Column) -> pl.Expr:
    """Return whether a list has neither nulls at any depth nor numbers that are not finite."""
    value = _each.is_finite() if column.scalar.startswith("float") else _each.is_not_null()
    for _ in range(column.depth - 1):
        value = _each.list.eval(value.fill_null(False)).list.all()
    return pl.col(column.name).list.eval(value.fill_null(False)).list.all().fill_null(column.nullable)
