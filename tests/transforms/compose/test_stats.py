"""Counts of a release from its tables."""

import polars as pl

from medmultipoints.transforms.compose.stats import (
    count_histogram,
    count_images,
    count_labels,
    count_spread,
    count_tasks,
    degenerate_tasks,
    note_groups,
    note_left_out_labels,
    note_splits,
    note_tasks,
    note_unverified,
)

RECORDS = pl.DataFrame(
    {
        "split": ["train", "train", "test"],
        "label": ["polyps", "polyps", "normal"],
        "image_sha256": ["a", "b", "a"],
        "count": [1, 4, 0],
    },
    schema_overrides={"count": pl.Int32},
)


def test_labels_are_counted_per_split_with_their_objects() -> None:
    assert count_labels(RECORDS).rows() == [("train", "polyps", 2, 2, 5), ("test", "normal", 1, 1, 0)]


def test_the_histogram_counts_records_by_number_of_objects() -> None:
    assert count_histogram(RECORDS).rows() == [("normal", 0, 1), ("polyps", 1, 1), ("polyps", 4, 1)]


def test_the_spread_is_per_label() -> None:
    assert count_spread(RECORDS).rows() == [("normal", 0, 0.0, 0, 0.0), ("polyps", 1, 2.5, 4, 2.5)]


def test_images_are_counted_with_groups_and_bytes() -> None:
    images = pl.DataFrame({"split": ["train"] * 2, "source": ["s"] * 2, "group_id": ["g"] * 2, "stored_bytes": [3, 4]})
    assert count_images(images).rows() == [("train", "s", 2, 1, 7)]


def test_tasks_are_counted_per_split() -> None:
    instructions = pl.DataFrame({"split": ["train", "train"], "task": ["counting", "counting"]})
    assert count_tasks(instructions).rows() == [("train", "counting", 2)]


def test_no_rows_give_no_counts() -> None:
    assert count_labels(RECORDS.clear()).is_empty() and count_spread(RECORDS.clear()).is_empty()


def test_a_task_without_a_row_and_a_presence_that_never_varies_are_noted() -> None:
    answers = [("train", True), ("train", False), ("test", True), ("validation", False)]
    rows = [
        {"split": split, "task": "presence", "answer": f'{{"present": {str(yes).lower()}}}'} for split, yes in answers
    ]
    assert note_tasks(pl.DataFrame(rows), ["presence", "appeared"]) == [
        "task appeared: no question could be asked",
        "task presence: in test every answer is yes",
        "task presence: in validation every answer is no",
    ]
    assert note_tasks(pl.DataFrame(rows[:2]), ["presence"]) == []


def test_records_without_questions_are_noted_with_what_else_their_pictures_lack() -> None:
    rows = pl.DataFrame({"split": ["train"], "task": ["counting"], "answer": ["1"]})
    said = "1 record of an uncertain count: no question is asked"
    assert note_tasks(rows, ["counting"], uncertain=1) == [said]
    (note,) = note_tasks(rows.with_columns(task=pl.lit("referring")), ["referring"], uncertain=1)
    assert note == f"{said}, and about other labels of these pictures only those of the published tasks"


def test_tasks_whose_answers_never_vary_are_noted_and_left_out() -> None:
    """One answer alone says nothing about a task; one that varies over the release stays, and its splits are noted."""
    rows = [
        ("train", "counting", "1"),
        ("train", "counting", "1"),
        ("test", "counting", "2"),
        ("test", "counting", "2"),
    ]
    rows += [("train", "pointing", "[1]"), ("test", "pointing", "[1]"), ("train", "bounding", "[3]")]
    rows += [(split, "cnt_and_point", '{"counts": 1, "point_2d": [[3.5, 4.5]]}') for split in ("train", "test")]
    instructions = pl.DataFrame(rows, schema=["split", "task", "answer"], orient="row")
    assert degenerate_tasks(instructions.lazy()) == ["pointing"]
    kept = instructions.filter(pl.col("task") != "pointing")
    assert note_tasks(kept, ["counting", "pointing", "bounding"], degenerate="leave_out") == [
        "task pointing: no question could be asked, or every answer was the same",
        "task counting: in test every answer is 2",
        "task counting: in train every answer is 1",
    ]


def test_pictures_of_which_nothing_is_known_are_noted_with_the_remedy() -> None:
    reasons = [("a", "unverified_empty", "a/1"), ("a", "duplicate_bytes", "a/2"), ("b", "no_objects", "b/1")]
    exclusions = pl.DataFrame(reasons, schema=["source", "reason", "sample_id"], orient="row")
    images = pl.DataFrame({"source": ["a", "a", "a", "b"]})
    (note,) = note_unverified(exclusions, images, ["a", "b"])
    assert note.startswith("a: 1 of 3 pictures left out, since nothing is annotated there (unverified_empty)")
    assert "name the labels in [sources.a.read.absence] certain, and write zero_counts = true in [labels]" in note
    assert note.endswith('[read.slices] only = "with-mask" takes no other slices of a volume')
    assert note_unverified(exclusions, images, ["b"]) == []


def test_objects_of_labels_that_the_recipe_omits_are_noted_by_the_evidence_that_has_most() -> None:
    rows = [("a/1", "cyst", "box"), ("a/1", "cyst", "box"), ("a/1", "cyst", "mask"), ("a/2", "cyst", "box")]
    regions = pl.DataFrame([*rows, ("a/2", "polyp", "box")], schema=["sample_id", "label", "evidence"], orient="row")
    noted = note_left_out_labels(regions.lazy(), {"polyp": "polyp"})
    assert ["labels that [labels] names leaves out: cyst (3 objects in 2 pictures)"] == noted
    assert [] == note_left_out_labels(regions.lazy(), ["polyp", "cyst"])


def test_sources_whose_pictures_nothing_groups_are_noted_once() -> None:
    rows = [(source, None, f"image:{number}") for source in "ba" for number in range(2)]
    rows += [("c", None, "patient:1"), ("c", None, "image:3"), ("d", None, "image:4")]
    schema = {"source": pl.String, "video_id": pl.String, "group_id": pl.String}
    (note,) = note_groups(pl.DataFrame(rows, schema=schema, orient="row"))
    assert note.startswith("a, b: each picture is its own group")
    assert [] == note_groups(pl.DataFrame(rows[4:], schema=schema, orient="row"))


def test_groups_of_nearly_one_name_are_noted() -> None:
    """They may be one patient, whose pictures lie in two splits."""
    names = ["P1", "p01", "P_2", "P-002", "P10", "P100", "p3"]
    rows = [("a", None, f"group:a/{name}") for name in names] + [("b", None, "group:b/P9"), ("b", None, "video:b/p01")]
    schema = {"source": pl.String, "video_id": pl.String, "group_id": pl.String}
    (note,) = note_groups(pl.DataFrame(rows, schema=schema, orient="row"))
    assert note.startswith("a: the groups 'P1' and 'p01' have nearly one name, as have 1 more: if it is one patient")
    assert note_groups(pl.DataFrame(rows[4:], schema=schema, orient="row")) == []
    (shared,) = note_groups(pl.DataFrame([rows[0], ("b", None, "group:b/P1")], schema=schema, orient="row"))
    assert note_groups(pl.DataFrame([rows[0], ("b", None, "group:a/P1")], schema=schema, orient="row")) == []
    assert shared.startswith("groups of one name, such as 'P1', are in the sources a, b, and are not joined")


def test_empty_splits_are_noted_with_the_reason() -> None:
    images = pl.DataFrame({"split": ["train", "train"], "group_id": ["a", "a"]})
    (note,) = note_splits(images, ["train", "validation", "test"])
    assert note.startswith("no image is in the split validation nor in test: images of one group stay together")
    assert "1 group for 3 splits" in note
    assert note_splits(images, ["train"]) == []
    two = images.with_columns(group_id=pl.Series(["a", "b"]))
    assert note_splits(two, ["train", "validation", "test"])[0].endswith("stay together: 2 groups for 3 splits")
    many = pl.DataFrame({"split": ["train"] * 5, "group_id": list("abcde")})
    assert "shares are too small" in note_splits(many, ["train", "test"])[0]
