"""What a report draws: chosen by ids, the worst first."""

import polars as pl

from medmultipoints.transforms.reporting.choices import (
    choose_records,
    clusters_of,
    count_findings,
    some_of_each_kind,
    worst_first,
)


def records(rows: list[tuple[str, str, int, str | None]]) -> pl.DataFrame:
    schema = {"record_id": pl.String, "label": pl.String, "count": pl.Int32, "video_id": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(sample_id=pl.col("record_id"))


def test_the_fullest_record_comes_first_and_the_order_of_rows_decides_nothing() -> None:
    frame = records([(f"r{n}", "polyps", n % 7, None) for n in range(30)])
    chosen = choose_records(frame, 5)["polyps"]
    assert chosen[0]["count"] == 6
    assert len({row["record_id"] for row in chosen}) == 5
    assert chosen == choose_records(frame.reverse(), 5)["polyps"]


def test_every_video_has_its_turn_before_a_second_frame_of_any() -> None:
    frame = records([(f"{video}{n}", "normal", 1, video) for video in "abc" for n in range(20)])
    chosen = choose_records(frame, 4)["normal"][1:]
    assert {row["video_id"] for row in chosen} == set("abc")


def test_fewer_records_than_asked_for_are_all_shown() -> None:
    assert len(choose_records(records([("a", "x", 1, None), ("b", "x", 0, None)]), 9)["x"]) == 2


FINDINGS = pl.DataFrame(
    [
        ("i", "info", "speck", None, None),
        ("w", "warning", "shifted", 0.4, 9.0),
        ("e1", "error", "phantom", 0.3, 2.0),
        ("e2", "error", "phantom", 0.1, 2.0),
        ("e3", "error", "missing", None, None),
    ],
    schema=["finding_id", "severity", "kind", "iou", "side_px"],
    orient="row",
)


def test_findings_are_sorted_by_severity_and_then_by_disagreement() -> None:
    assert worst_first(FINDINGS)["finding_id"].to_list() == ["e2", "e1", "e3", "w", "i"]


def test_of_each_kind_a_few_are_drawn_more_of_the_graver() -> None:
    many = pl.concat([FINDINGS] * 9).filter(pl.col("kind") != "phantom")
    drawn = count_findings(some_of_each_kind(many))
    assert {row["kind"]: row["findings"] for row in drawn} == {"missing": 9, "shifted": 6, "speck": 2}


def test_findings_are_counted_by_kind_the_gravest_first() -> None:
    assert [tuple(row.values()) for row in count_findings(FINDINGS)] == [
        ("error", "phantom", 2), ("error", "missing", 1), ("warning", "shifted", 1), ("info", "speck", 1),
    ]  # fmt: skip


def test_pairs_that_share_a_picture_are_one_cluster() -> None:
    pairs = pl.DataFrame(
        [("a", "b", 0.02), ("b", "c", 0.01), ("x", "y", 0.0)],
        schema=["sample_id", "other_id", "distance"],
        orient="row",
    )
    assert [cluster["ids"] for cluster in clusters_of(pairs)] == [["x", "y"], ["b", "c", "a"]]
