"""Objects are joined and cut without losing a pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.records import Box, Point
from medmultipoints.transforms.regions.boxes import join_boxes
from medmultipoints.transforms.review.difference import describe_difference
from medmultipoints.transforms.review.mask_files import Masks, mask_boxes, mask_text, parse_masks
from medmultipoints.transforms.review.region_edits import cut_box, cut_mask, join_masks, mask_code

DISC = sum((axis - 20) ** 2 for axis in np.indices((40, 41))) < 200
POINTS = st.builds(Point, st.floats(-50, 90), st.floats(-50, 90))


@given(POINTS, POINTS)
def test_the_parts_of_a_cut_are_apart_and_make_the_whole(start: Point, end: Point) -> None:
    try:
        first, second = cut_mask(DISC, start, end)
    except ValueError:
        return
    assert not (first & second).any()
    assert np.array_equal(DISC, join_masks([first, second]))


def test_a_line_beside_the_object_is_refused() -> None:
    with pytest.raises(ValueError, match="one side"):
        cut_mask(DISC, Point(0, 0), Point(1, 0))
    with pytest.raises(ValueError, match="does not cut"):
        cut_box(Box(10, 10, 20, 20), Point(5, 0), Point(5, 40))


def test_boxes_are_cut_straight_and_joined() -> None:
    parts = cut_box(Box(10, 10, 20, 20), Point(13.4, 0), Point(14.2, 40))
    assert (Box(10, 10, 14, 20), Box(14, 10, 20, 20)) == parts
    assert (Box(10, 10, 20, 12), Box(10, 12, 20, 20)) == cut_box(Box(10, 10, 20, 20), Point(0, 12), Point(40, 12))
    assert Box(10, 10, 20, 20) == join_boxes(parts)


def test_a_mask_file_comes_back_as_it_was() -> None:
    masks = Masks(width=41, height=40, rles=(mask_code(DISC),))
    assert masks == parse_masks(mask_text(masks).encode())
    assert [[6, 6, 35, 35]] == mask_boxes(masks)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"width": 4, "height": 4, "masks": []}', b'{"width": 4, "height": 4, "masks": ["@@"]}',
             b'{"width": 1e9, "height": 4, "masks": ["0"]}', b'{"width": 9, "height": 9, "masks": ["0000"], "x": 1}']
)  # fmt: skip
def test_a_damaged_mask_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_masks(data)


def test_a_difference_in_words() -> None:
    assert describe_difference([0, 0, 569, 518], [1, 46, 569, 518]) == [
        "Source against derived: 569 x 518 px against 568 x 472 px, IoU 0.91.",
        "The source's box lies top 46 px outside.",
    ]
    assert "do not overlap" in describe_difference([0, 0, 5, 5], [9, 9, 12, 12])[1]
    assert describe_difference(None, [1, 1, 4, 6]) == ["There is a derived box of 3 x 5 px and no source box."]
    assert describe_difference([1, 1, 50, 60], [1, 1, 50, 60])[1] == "All sides agree within 1.5 px."
    assert describe_difference(None, None) == []
