"""Differences of releases and the version that each asks for."""

from dataclasses import replace

import polars as pl
import pytest

from transforms.diff import ReleaseDiff, Tables, describe, diff_releases, propose_version

RECORDS = pl.DataFrame(
    {
        "record_id": ["a:polyps", "b:polyps"],
        "image_sha256": ["a", "b"],
        "label": ["polyps", "polyps"],
        "split": ["train", "test"],
        "bbox": [[[0.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 2.0, 2.0]]],
        "organ": ["Lower GI", "Lower GI"],
    }
)
OBJECTS = pl.DataFrame({"object_id": ["a:polyps:0", "b:polyps:0"], "x1": [0.0, None]})
IMAGES = pl.DataFrame({"image_sha256": ["a", "b"], "split": ["train", "test"], "stored_sha256": ["a", "b"]})
INSTRUCTIONS = pl.DataFrame(
    {
        "instruction_id": ["a:polyps:counting"],
        "record_id": ["a:polyps"],
        "image_file": ["images/a.jpg"],
        "image_files": [["images/a.jpg"]],
        "object_ids": [[]],
        "classification": ["x"],
        "task": ["counting"],
        "prompt": ["how many"],
        "answer": ["1"],
        "split": ["train"],
    }
)
OLD = Tables(RECORDS, OBJECTS, IMAGES, INSTRUCTIONS)


def set_all(table: str, **values: object) -> Tables:
    return replace(OLD, **{table: getattr(OLD, table).with_columns(pl.lit(v).alias(k) for k, v in values.items())})


@pytest.mark.parametrize(
    ("new", "version", "words"),
    [
        (OLD, "1.2.3", "no difference"),
        (set_all("records", extra=1), "2.0.0", "major: 1 columns added: records.extra"),
        (replace(OLD, records=RECORDS.drop("organ")), "2.0.0", "major: 1 columns removed: records.organ"),
        (replace(OLD, objects=OBJECTS.cast({"x1": pl.Float32})), "2.0.0", "1 columns with another type: objects.x1"),
        (set_all("records", label="polyp"), "2.0.0", "major: 1 labels added: polyp"),
        (replace(OLD, images=IMAGES.head(1)), "2.0.0", "major: 1 images removed: b"),
        (replace(OLD, records=RECORDS.head(1)), "2.0.0", "major: 1 records removed: b:polyps"),
        (set_all("images", split="train"), "2.0.0", "major: 1 images moved between splits: b"),
        (set_all("images", stored_sha256="c"), "1.3.0", "minor: 2 pictures changed: a, b"),
        (set_all("objects", x1=0.5), "1.3.0", "minor: 2 objects with corrected boxes"),
        (replace(OLD, objects=OBJECTS.head(1)), "1.3.0", "minor: 1 objects removed: b:polyps:0"),
        (set_all("instructions", answer="2"), "1.3.0", "minor: 1 instructions corrected: a:polyps:counting"),
        (replace(OLD, instructions=INSTRUCTIONS.clear()), "1.3.0", "minor: 1 instructions removed"),
        (set_all("records", organ="Upper GI"), "1.2.4", "patch: 2 records with other metadata"),
    ],
)
def test_a_change_asks_for_its_version(new: Tables, version: str, words: str) -> None:
    diff = diff_releases(OLD, new)
    assert propose_version("1.2.3", diff) == version
    assert words in describe(diff)


def test_a_row_added_is_minor() -> None:
    diff = diff_releases(replace(OLD, records=RECORDS.head(1), images=IMAGES.head(1)), OLD)
    assert (diff.level, describe(diff)) == ("minor", "minor: 1 records added: b:polyps\nminor: 1 images added: b")


def test_a_corrected_box_inside_a_list_is_seen() -> None:
    moved = RECORDS.with_columns(pl.Series("bbox", [[[0.0, 0.0, 1.0, 1.5]], [[0.0, 0.0, 2.0, 2.0]]]))
    diff = diff_releases(OLD, replace(OLD, records=moved))
    assert [(change.level, change.count, change.examples) for change in diff.changes] == [("minor", 1, ("a:polyps",))]


def test_other_files_with_equal_rows_are_a_patch() -> None:
    assert diff_releases(OLD, OLD, files_differ=True).level == "patch"


def test_the_order_of_rows_is_no_difference() -> None:
    turned = Tables(*(frame.reverse() for frame in (RECORDS, OBJECTS, IMAGES, INSTRUCTIONS)))
    assert diff_releases(OLD, turned) == ReleaseDiff()


def test_many_examples_are_cut_but_counted() -> None:
    many = IMAGES.join(pl.DataFrame({"n": range(9)}), how="cross").with_columns(
        pl.col("image_sha256") + pl.col("n").cast(pl.String)
    )
    (change,) = diff_releases(replace(OLD, images=many.clear()), replace(OLD, images=many)).changes
    assert (change.count, len(change.examples)) == (18, 5)
