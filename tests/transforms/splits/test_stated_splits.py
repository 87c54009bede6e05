"""Splits that others published: their files, and where they put the images of a release."""

import polars as pl
import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.splits.stated_splits import place_folds, place_items, read_folds, read_items

IMAGES = pl.DataFrame(
    {
        "sample_id": ["hyperkvasir/a", "hyperkvasir/b", "kvasir_instrument/a"],
        "source": ["hyperkvasir", "hyperkvasir", "kvasir_instrument"],
        "stem": ["a", "b", "a"],
        "image_sha256": ["0a", "0b", "0c"],
        "split": ["train", "train", "train"],
    }
)


def test_folds_are_splits_of_the_images_of_their_source() -> None:
    folds = read_folds(b"file-name;class-name;split-index\r\na.jpg;polyp;1\r\nz.jpg;cecum;0\r\n", "x.csv")
    assert folds == {"a": "fold_1", "z": "fold_0"}
    assert place_folds(folds, IMAGES).rows() == [("hyperkvasir/a", "fold_1")]


@pytest.mark.parametrize(
    "data", [b"", b"file-name,class-name,split-index\n", b"file-name;class-name;split-index\na;b\n"]
)
def test_another_table_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.csv: not a table of folds"):
        read_folds(data, "x.csv")


def test_an_image_is_in_every_split_that_holds_an_instruction_of_it() -> None:
    items = {"train": ["0a", "0a", "0z"], "test": ["0a", "0b"]}
    assert place_items(items, IMAGES, {}, None).rows() == [
        ("hyperkvasir/a", "test"),
        ("hyperkvasir/a", "train"),
        ("hyperkvasir/b", "test"),
    ]


def test_instructions_that_no_file_lists_are_in_the_rest() -> None:
    """Of a two of five are listed, of b all; c is not listed at all."""
    asked = {"0a": 5, "0b": 1, "0c": 5}
    assert place_items({"test": ["0a", "0a", "0b"]}, IMAGES, asked, "train").rows() == [
        ("hyperkvasir/a", "test"),
        ("hyperkvasir/a", "train"),
        ("hyperkvasir/b", "test"),
        ("kvasir_instrument/a", "train"),
    ]


def test_items_are_read_by_line() -> None:
    assert read_items(b'{"image_sha256": "0a"}\n\n{"image_sha256": "0b", "task": "counting"}\n', "x") == ["0a", "0b"]
    with pytest.raises(UsageError, match="x, line 2: not a JSON object with image_sha256"):
        read_items(b'{"image_sha256": "0a"}\n{"image": 1}\n', "x")
