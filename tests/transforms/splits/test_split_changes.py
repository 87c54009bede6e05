"""The note on images that left their split."""

import polars as pl

from medmultipoints.transforms.splits.split_changes import note_moved

IMAGES = pl.DataFrame(
    {"sample_id": ["a/1", "a/2", "a/3"], "image_sha256": ["1", "2", "3"], "luma_blake3": ["l1", "l2", "l3"]}
)
BEFORE = pl.DataFrame({"image_sha256": ["1", "2"], "luma_blake3": ["l1", "l2"], "split": ["train", "test"]})


def test_images_that_left_their_split_are_counted_with_the_line_that_keeps_them() -> None:
    """Images that the release before did not have are in no other split than there."""
    moved = IMAGES.with_columns(split=pl.Series(["test", "train", "test"]))
    (note,) = note_moved(moved, BEFORE, "small 1.0.0", "small@0123456789abcdef")
    assert note.startswith("2 pictures are in another split than in small 1.0.0")
    assert note.endswith('add to [splits] of the recipe: previous = "small@0123456789abcdef"')
    (one,) = note_moved(moved[:1], BEFORE, "small 1.0.0", "small@0")
    assert one.startswith("1 picture is in another split")


def test_nothing_is_noted_where_every_image_keeps_its_split() -> None:
    assert note_moved(IMAGES.with_columns(split=pl.Series(["train", "test", "test"])), BEFORE, "s 1.0.0", "s@0") == []
