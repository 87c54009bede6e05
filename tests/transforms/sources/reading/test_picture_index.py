"""Names join the pictures that they mean: by path, by name, by case, and never one of several by chance."""

import pytest

from medmultipoints.transforms.sources.reading.picture_index import PictureIndex

NAMES = ("images/A1.png", "images/a1.png", "train/b.png", "test/B.png", "x/c.png", "y/c.png")


@pytest.mark.parametrize(
    ("stated", "near", "expected"),
    [
        ("A1", "labels/A1.txt", "images/A1.png"),
        ("a1", "labels/a1.txt", "images/a1.png"),
        ("b", "test/b.txt", "test/B.png"),
        ("b", "train/b.txt", "train/b.png"),
        ("c", "labels/c.txt", None),
        ("c", "y/c.txt", "y/c.png"),
    ],
)
def test_a_stem_joins_the_nearest_picture_then_the_one_spelt_alike(
    stated: str, near: str, expected: str | None
) -> None:
    index = PictureIndex(NAMES)
    assert index.find_stem(stated, near).member == expected
    assert index.find(stated, near).member == expected


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ("annotations/instances_train2017.json", "train2017/1.jpg"),
        ("val2017.csv", "val2017/1.jpg"),
        ("annotations/instances_trainval2017.json", None),
        ("val2017/train2017.json", "val2017/1.jpg"),
    ],
)
def test_a_file_named_like_one_folder_is_about_its_pictures(near: str, expected: str | None) -> None:
    """If it does not lie in the folder of another."""
    assert expected == PictureIndex(("train2017/1.jpg", "val2017/1.jpg")).find("1.jpg", near).member
