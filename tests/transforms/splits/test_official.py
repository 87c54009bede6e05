"""The authors' splits of a source: usual names mean one split, and what is not honoured or moved is said."""

import polars as pl

from medmultipoints.transforms.splits.official import (
    missing_places,
    note_official,
    note_shared,
    official_name,
    places_of,
)


def test_the_usual_names_of_a_split_are_one() -> None:
    assert ["validation"] * 4 == [official_name(name) for name in ("val", "Valid", "dev", "validation")]
    assert {"train": "train", "validation": "val", "val": "val"} == places_of(["train", "val"])
    assert places_of(["val", "validation"])["validation"] == "validation", "the exact name goes first"
    samples = pl.DataFrame({"official_split": ["train", "validation", "test", None]})
    assert ["test"] == missing_places(samples, ["train", "dev"])


def test_what_became_of_the_authors_splits_is_said_by_source() -> None:
    images = pl.DataFrame(
        {
            "source": list("aaab"),
            "official_split": ["train", "validation", "test", "train"],
            "split": ["train", "val", "train", "train"],
        }
    )
    (unused,) = note_official(images, honoured=False)
    assert "a: its authors' splits (test 1, train 1, validation 1) are not used" in unused
    (moved,) = note_official(images, honoured=True)
    assert "a: moved from its official splits with their groups: test to train 1;" in moved
    assert [] == note_official(images.filter(source="b"), honoured=False)


def test_a_picture_in_two_splits_of_its_authors_is_noted() -> None:
    samples = pl.DataFrame(
        [("s/1", "s", "test"), ("s/2", "s", "train"), ("s/3", "s", "train"), ("t/1", "t", None)],
        schema=["sample_id", "source", "official_split"],
        orient="row",
    )
    pairs = [("s/1", "s/2"), ("s/3", "s/2"), ("t/1", "s/2")]
    duplicates = pl.DataFrame(pairs, schema=["sample_id", "kept_id"], orient="row")
    said = "s: 1 picture of the authors' test is also in their train, and released only there"
    assert note_shared(duplicates, samples) == [said]
    assert note_shared(duplicates.clear(), samples) == []
