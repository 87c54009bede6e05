"""The leakage certificate: what splits share is counted, and what cannot be known is said."""

from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.pictures.thumbnails import pack, thumbnail, to_luma
from medmultipoints.transforms.splits.leakage import COLUMNS, certify, find_leaks
from tests.transforms.planted import CHANGES, scene

Row = dict[str, Any]
JOINS = pl.DataFrame(schema=schema_of("joins"))
STATES = {"read": 0, "cut": 0, "unclear": 0, "none": 0, "unread": 0}


def rows(count: int) -> dict[str, Row]:
    """Pictures of one source in two splits, each different from the others in everything."""
    return {
        f"s/{n}": dict.fromkeys(("image_sha256", "stored_sha256", "luma_blake3", "group_id"), f"{n}")
        | {
            "sample_id": f"s/{n}",
            "source": "s",
            "video_id": None,
            "official_split": None,
            "split": "test" if n % 2 else "train",
        }
        for n in range(count)
    }


def certificate(images: dict[str, Row], pictures: dict[str, Any] | None = None) -> dict[str, Any]:
    """The certificate of these images; each shows a scene of its own unless told otherwise."""
    shown = {name: scene(number) for number, name in enumerate(images)} | (pictures or {})
    thumbnails = {
        "sample_id": list(shown),
        "thumbnail": [pack(thumbnail(to_luma(pixels))) for pixels in shown.values()],
    }
    table = pl.DataFrame(list(images.values()), schema=dict.fromkeys(COLUMNS, pl.String))
    return certify(table, pl.DataFrame(thumbnails), 0.09, JOINS, STATES)


def test_splits_that_share_nothing_have_no_leaks() -> None:
    found = certificate(rows(6))
    assert set(found["leaks"].values()) == {0}
    assert find_leaks(found) == []
    assert found["splits"] == [
        {"split": "test", "images": 3, "groups": 3},
        {"split": "train", "images": 3, "groups": 3},
    ]


@pytest.mark.parametrize(
    ("change", "leak"),
    [
        ({"group_id": "0"}, "1 group is in more than one split"),
        ({"image_sha256": "0"}, "1 file is in more than one split"),
        ({"stored_sha256": "0"}, "1 stored file is in more than one split"),
        ({"luma_blake3": "0"}, "1 decoded picture is in more than one split"),
    ],
)
def test_whatever_a_picture_shares_with_one_of_another_split_is_a_leak(change: Row, leak: str) -> None:
    """Picture 1 is in test and shares something with picture 0, which is in train."""
    images = rows(4)
    images["s/1"] |= change
    assert find_leaks(certificate(images)) == [leak]


def test_a_divided_video_is_a_leak() -> None:
    images = rows(4)
    for name in ("s/0", "s/1"):
        images[name]["video_id"] = "11"
    assert find_leaks(certificate(images)) == ["1 video is in more than one split"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_in_another_split_is_a_leak(change: str) -> None:
    """And the pair heads the list of the nearest pictures."""
    found = certificate(rows(8), {"s/5": CHANGES[change](scene(2))})
    (leak,) = find_leaks(found)
    assert leak == "1 pair of near-duplicates is in different splits, such as s/2 and s/5"
    nearest = found["nearest_across_splits"][0]
    assert (nearest["sample_id"], nearest["other_id"], nearest["split"], nearest["other_split"]) == (
        "s/2", "s/5", "train", "test",
    )  # fmt: skip


def test_a_changed_copy_in_the_same_split_is_counted_with_its_group() -> None:
    images = rows(8)
    images["s/4"]["group_id"] = images["s/2"]["group_id"]
    found = certificate(images, {"s/4": CHANGES["mirrored"](scene(2)), "s/6": CHANGES["brighter"](scene(0))})
    assert found["near_duplicates"] == {"pairs": 2, "in_one_group": 1, "across_splits": 0}


def test_an_image_in_two_splits_is_a_leak_of_everything() -> None:
    """As in a split of instructions."""
    images = rows(4)
    images["again"] = images["s/0"] | {"split": "test"}
    leaks = find_leaks(certificate(images, {"again": scene(0)}))
    assert "1 image is in more than one split" in leaks
    assert "1 group is in more than one split" in leaks


def test_what_the_authors_own_splits_would_share_is_counted() -> None:
    """One source: three pictures of a group in two official splits, and a mirrored copy across."""
    images = rows(6)
    for number, split in enumerate(("train", "test", "train", "test")):
        images[f"s/{number}"] |= {"official_split": split, "split": "train"}
    images["s/1"]["group_id"] = images["s/0"]["group_id"]
    found = certificate(images, {"s/3": CHANGES["mirrored"](scene(2))})
    assert found["official_splits"] == [
        {
            "source": "s",
            "images": 4,
            "images_elsewhere": 2,
            "leaks": {"groups": 1, "videos": 0, "pixels": 0, "near_duplicates": 1},
        }
    ]


def test_what_could_not_be_checked_is_said() -> None:
    """No patient ids; pictures that show nothing."""
    images = rows(3)
    images["s/2"] |= {"video_id": "11"}
    for name in ("s/0", "s/1"):
        images[name] |= {"group_id": f"image:{name}"}
    found = certificate(images, {"s/0": scene(1) * 0})
    assert "s: 2 images carry no patient and no video id" in found["not_checked"][0]
    assert found["not_checked"][1] == "1 picture is too even to be compared with others"
    assert found["checked"][0] == "s: 1 video, and so its participants; 2 of its images are of no video"
    assert found["search"]["pictures_compared"] == 2


def test_the_order_of_the_rows_does_not_show() -> None:
    images = rows(9)
    backwards = dict(reversed(images.items()))
    pictures = {name: scene(number) for number, name in enumerate(images)}
    assert certificate(images, pictures) == certificate(backwards, pictures)


def test_group_sizes_are_counted_in_bins_that_double() -> None:
    images = rows(8)
    for number in (2, 4, 6):
        images[f"s/{number}"]["group_id"] = "0"
    found = certificate(images)["groups"]
    assert found["count"] == 5
    assert found["sizes"] == [
        {"images_from": 1, "images_to": 1, "groups": 4},
        {"images_from": 4, "images_to": 7, "groups": 1},
    ]
    assert found["largest"] == [{"group_id": "0", "split": "train", "images": 4}]
