"""Validation finds every failure once, stops at a broken rule, and holds back whole entities."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest

from medmultipoints.expectations.rows.suites import load_suite, row_suite
from medmultipoints.expectations.rows.validate import (
    POSITION,
    check_table_rules,
    find_rejections,
    leave_out,
    run_suite,
    validate,
)
from medmultipoints.expectations.verdicts import (
    BrokenRule,
    Rejection,
    TableRuleFailed,
    Verdict,
    join_verdicts,
    verdict_from_json,
)
from medmultipoints.transforms.columns.tables import load_table, parse_table

Row = dict[str, Any]
Rows = Callable[[str, int], Row]
Frame = Callable[[str, list[Row]], pl.DataFrame]
REGIONS = load_table("regions")


def _regions(good_row: Rows, *changes: Row) -> list[Row]:
    return [good_row("regions", i) | change for i, change in enumerate(changes)]


def split(frame: pl.DataFrame, verdict: Verdict) -> tuple[pl.DataFrame, tuple[Rejection, ...]]:
    """The rows that stay, and the rejections."""
    rejections = find_rejections(verdict)
    return leave_out(frame, REGIONS, [rejection.entity for rejection in rejections]), rejections


def test_a_failure_names_row_entity_rule_and_value(good_row: Rows, rows_frame: Frame) -> None:
    """Enough to find the fault without opening the data."""
    (failure,) = validate(rows_frame("regions", _regions(good_row, {}, {"x1": -3.0})), REGIONS).failures
    assert (failure.row, failure.entity, failure.rule) == ("a/1:mask:polyp:0", "a/1", "x1_in_range")
    assert failure.detail == "x1 is at least 0: not so with x1 = -3.0"


def test_a_rule_over_columns_shows_all_of_them(good_row: Rows, rows_frame: Frame) -> None:
    """The values stand beside the rule's own words."""
    (failure,) = validate(rows_frame("regions", _regions(good_row, {"x2": 11.0})), REGIONS).failures
    assert failure.detail == (
        "x2 <= image_width and y2 <= image_height: not so with x2 = 11.0, y2 = 8.0, image_width = 10, image_height = 8"
    )


def test_nulls_pass_where_they_may_occur_and_nowhere_else(good_row: Rows, rows_frame: Frame) -> None:
    """Great Expectations lets null pass any rule on values, so each column that is always given has a rule for it."""
    nothing = dict.fromkeys(("cx", "cy", "ix", "iy", "centroid_inside", "interior_inside", "area_px", "rle"))
    rows = _regions(good_row, nothing, {"label": None}, {"y2": None}, {"truncated": None})
    verdict = validate(rows_frame("regions", rows), REGIONS)
    assert {(f.position, f.rule) for f in verdict.failures} == {
        (1, "label_not_null"),
        (2, "y2_finite"),
        (2, "box_has_area"),
        (2, "box_inside_image"),
        (2, "centroid_in_box"),
        (2, "interior_in_box"),
        (3, "truncated_not_null"),
    }


def test_rows_without_key_or_entity_are_named_by_position(good_row: Rows, rows_frame: Frame) -> None:
    """Nothing is lost for want of a name."""
    frame = rows_frame("regions", _regions(good_row, {}, {"region_id": None}, {"region_id": None, "sample_id": None}))
    verdict = validate(frame, REGIONS)
    assert {(f.row, f.entity) for f in verdict.failures} == {("row 1", "a/1"), ("row 2", "row 2")}
    good, rejections = split(frame, verdict)
    assert (good.height, [r.entity for r in rejections]) == (1, ["a/1", "row 2"])


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 1000])
def test_chunks_give_the_verdict_of_the_whole(chunk_rows: int, good_row: Rows, rows_frame: Frame) -> None:
    """A repeated key is found in whatever chunk its copies lie."""
    repeated = {"region_id": "a/0:mask:polyp:0"}
    frame = rows_frame("regions", _regions(good_row, {}, {"x1": -1.0}, {"label": None}, {}, repeated))
    whole = validate(frame, REGIONS)
    assert {f.position for f in whole.failures if f.rule == "region_id_unique"} == {0, 4}
    assert validate(frame, REGIONS, chunk_rows=chunk_rows) == whole


@pytest.mark.parametrize("part_rows", [1, 2, 3])
def test_parts_give_the_verdict_of_the_whole(part_rows: int, good_row: Rows, rows_frame: Frame) -> None:
    """Where the values are told that occur in several parts; null is no value."""
    table = load_table("released_images")
    sha256 = "a" * 64
    changes = [{}, {"image_sha256": sha256}, {"width": -1}, {"image_sha256": None}, {"image_sha256": sha256}]
    changes.append({"image_sha256": None, "split": "?"})
    frame = rows_frame(table.name, [good_row(table.name, i) | change for i, change in enumerate(changes)])
    whole = validate(frame, table)
    assert {f.position for f in whole.failures if f.rule == "image_sha256_unique"} == {1, 4}
    copies = {"image_sha256": pl.Series([sha256])}
    parts = [validate(frame.slice(at, part_rows), table, copies=copies) for at in range(0, frame.height, part_rows)]
    assert join_verdicts(parts) == whole
    assert find_rejections(join_verdicts(parts)) == find_rejections(whole)


def test_verdicts_survive_json(good_row: Rows, rows_frame: Frame) -> None:
    """They are plain text and numbers, and read back equal."""
    verdict = validate(rows_frame("regions", _regions(good_row, {}, {"area_px": 0}, {"label": None})), REGIONS)
    assert verdict_from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
    assert {result.rule: result.failed for result in verdict.checked if result.failed} == {
        "area_px_in_range": 1,
        "label_not_null": 1,
    }


def test_published_boxes_may_pass_the_edge_by_less_than_a_pixel(good_row: Rows, rows_frame: Frame) -> None:
    """Scaled source boxes do; audited ones may not."""
    grown = {"bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, 10.0, 8.644]]}
    frame, table = rows_frame("records", [good_row("records", 0) | grown]), load_table("records")
    labels = ["polyps", "text"]
    assert not validate(frame, table, variant="published", labels=labels).failures
    audited = validate(frame, table, variant="audited", labels=labels)
    assert [failure.rule for failure in audited.failures] == ["boxes_inside_image"]


def test_one_bad_object_takes_its_whole_image_and_no_other(good_row: Rows, rows_frame: Frame) -> None:
    """Without the wrong object the image's count would be a lie."""
    sibling = {"sample_id": "a/1", "region_id": "a/1:mask:polyp:1", "index": 1}
    frame = rows_frame("regions", _regions(good_row, {}, {"x1": 10.0}, sibling, {}))
    good, rejections = split(frame, validate(frame, REGIONS))
    assert good["sample_id"].to_list() == ["a/0", "a/3"]
    (rejection,) = rejections
    assert (rejection.entity, rejection.reason) == ("a/1", "box_has_area")
    assert rejection.detail.startswith("a/1:mask:polyp:0: x1 < x2 and y1 < y2: not so with x1 = 10.0, ")


def test_nothing_is_held_back_where_nothing_fails(good_row: Rows, rows_frame: Frame) -> None:
    """The frame comes back as it was."""
    frame = rows_frame("regions", _regions(good_row, {}, {}))
    good, rejections = split(frame, validate(frame, REGIONS))
    assert good.equals(frame)
    assert rejections == ()


@pytest.mark.slow
def test_a_long_list_of_failures_is_cut_in_the_detail(good_row: Rows, rows_frame: Frame) -> None:
    """Five are shown, the rest counted; long values are cut."""
    rows = [good_row("regions", i) | {"sample_id": "a", "area_px": 0, "label": "l" * 9} for i in range(7)]
    frame = rows_frame("regions", rows)
    assert split(frame, validate(frame, REGIONS))[1][0].detail.endswith(" and 2 more")
    many = {"object_ids": ["id"] * 500}
    (failure,) = validate(
        rows_frame("records", [good_row("records", 0) | many]), load_table("records"), labels=["polyps", "text"]
    ).failures
    assert len(failure.detail) < 600
    assert failure.detail.endswith("…")


def test_a_missing_column_or_another_type_stops(good_row: Rows, rows_frame: Frame) -> None:
    """That is the stage's fault, not a row's."""
    frame = rows_frame("regions", _regions(good_row, {}))
    with pytest.raises(BrokenRule, match=r"suite regions: .* the column is missing"):
        validate(frame.drop("x1"), REGIONS)
    with pytest.raises(BrokenRule, match=r"the column is String, expected Float64"):
        validate(frame.with_columns(pl.col("x1").cast(pl.String)), REGIONS)


def test_a_rule_that_raises_stops_and_is_named() -> None:
    """Great Expectations reports it like a failed rule; no row is blamed for it."""
    rows = pl.DataFrame({"sample_id": ["a"], "ok_sample_id_unique": [True], "group_id": ["g"]})
    with pytest.raises(
        BrokenRule, match=r"suite splits: rule split_not_null could not be judged: .*split.*does not exist"
    ):
        run_suite(rows.with_row_index(POSITION).to_pandas(), load_suite("splits"), {})


def test_a_rule_that_great_expectations_leaves_out_stops() -> None:
    """It only logs that it does not know an expectation and judges the others."""
    suite = load_suite("table_rules") | {
        "expectations": [{"type": "expect_luck", "kwargs": {}, "meta": {"rule": "luck"}}]
    }
    with pytest.raises(BrokenRule, match="suite table_rules: rule luck could not be judged: .* gave no result"):
        run_suite(pl.DataFrame({"rule": ["a"]}).with_row_index(POSITION).to_pandas(), suite, {})


def test_the_recipe_gives_parameters() -> None:
    """A check may wait for the recipe; without its value the rule is broken."""
    text = """key = "id"\nentity = "id"\nmeaning = "A thing."\n[rules]\n[columns]
    id = { type = "string", meaning = "class", check = { values = { parameter = "labels" } } }"""
    suite = row_suite(parse_table("things", text))
    rows = pl.DataFrame({"id": ["polyps", "cat", None]}).with_row_index(POSITION).to_pandas()
    found = run_suite(rows, suite, {"labels": ["polyps", "instrument"]})
    assert found == {"id_not_null": [2], "id_in_set": [1]}
    with pytest.raises(BrokenRule, match="labels"):
        run_suite(rows, suite, {})


def test_threads_do_not_mix_their_verdicts(good_row: Rows, rows_frame: Frame) -> None:
    """Each validation has a context of its own."""
    frames = [rows_frame("regions", _regions(good_row, *([{"x1": -1.0}] * bad), *([{}] * 5))) for bad in range(8)]
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda frame: validate(frame, REGIONS), frames))
    assert [len(verdict.failures) for verdict in verdicts] == list(range(8))


def test_validation_prints_nothing(
    good_row: Rows, rows_frame: Frame, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    """No progress bars, no warnings."""
    validate(rows_frame("regions", _regions(good_row, {}, {"x1": -1.0})), REGIONS)
    assert tuple(capfd.readouterr()) == ("", "")
    assert not recwarn.list


def test_table_rules_that_hold_are_a_verdict_like_any_other() -> None:
    """One result per rule, critical."""
    verdict = check_table_rules({"keys_unique": (True, "3 keys"), "accounting": (True, "3 = 3")}, "samples")
    assert (verdict.table, verdict.suite, verdict.rows, verdict.failures) == ("samples", "table_rules", 2, ())
    assert [(r.rule, r.rows, r.failed, r.severity) for r in verdict.checked] == [
        ("keys_unique", 1, 0, "critical"),
        ("accounting", 1, 0, "critical"),
    ]
    assert check_table_rules({}, "samples").checked == ()


def test_a_table_rule_that_fails_stops_with_its_detail() -> None:
    """The error carries the verdict, so that it can be kept."""
    rules = {"accounting": (True, "3 = 3"), "references": (False, "1 of 3 regions has no image: a/9")}
    with pytest.raises(TableRuleFailed, match="derive: references: 1 of 3 regions has no image: a/9") as caught:
        check_table_rules(rules, "derive")
    assert [result.failed for result in caught.value.verdict.checked] == [0, 1]
    assert caught.value.exit_code == 1
