"""What a source's numbers mean, from the pairs that it shows."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.audit.conventions import (
    HALF_OPEN,
    Convention,
    Estimate,
    estimate_convention,
    state_box,
    undo_convention,
)
from medmultipoints.transforms.records import Box

GROWN = Convention(-1, -1, 0, 0)
boxes = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height), *[st.integers(0, 50)] * 2, *[st.integers(5, 50)] * 2
)


def test_the_convention_is_the_most_frequent_difference_and_edges_at_0_follow_it() -> None:
    boxes = [Box(10, 10, 20, 20), Box(0, 5, 9, 9), Box(30, 30, 40, 50)]
    pairs = [(state_box(box, GROWN), box) for box in boxes] + [(Box(3, 3, 9, 9), Box(1, 1, 9, 9))]
    assert estimate_convention(pairs) == Estimate(GROWN, pairs=4, explained=3)
    assert estimate_convention([]) == Estimate(HALF_OPEN, pairs=0, explained=0)


def test_what_is_further_off_than_two_pixels_is_a_fault_and_no_convention() -> None:
    pairs = [(Box(13, 10, 23, 20), Box(10, 10, 20, 20))] * 5
    assert estimate_convention(pairs) == Estimate(HALF_OPEN, pairs=5, explained=0)


def test_boxes_drawn_by_hand_have_no_convention() -> None:
    """Each is off in its own way: the most frequent way is chance."""
    own = Box(10, 10, 30, 30)
    pairs = [(Box(10 + a, 10 + b, 30 + c, 30), own) for a, b, c in product((-1, 0, 1), repeat=3)]
    assert estimate_convention(pairs) == Estimate(HALF_OPEN, pairs=27, explained=1)


@given(st.lists(boxes, min_size=1), st.sampled_from(list(product((-1, 0, 1), repeat=4))))
def test_the_convention_of_boxes_that_follow_one_is_found(found: list[Box], steps: tuple[int, ...]) -> None:
    """Boxes at the border can follow several: the one that is found explains all of them too."""
    convention = Convention(*steps)
    pairs = [(state_box(box, convention), box) for box in found]
    estimate = estimate_convention(pairs)
    assert estimate.convention == convention or min(min(box.x1, box.y1) for box in found) == 0
    inner = [box for box in found if min(box.x1, box.y1) >= 2]
    assert [undo_convention(state_box(box, convention), convention) for box in inner] == inner


@pytest.mark.parametrize(
    ("box", "grown"),
    [
        (Box(39, 6, 430, 338), Box(38, 5, 430, 338)),
        (Box(0, 0, 10, 8), Box(0, 0, 10, 8)),
        (Box(2, 0, 10, 8), Box(1, 0, 10, 8)),
    ],
)
def test_grown_boxes_have_left_and_top_out_by_a_pixel_inside_the_image(box: Box, grown: Box) -> None:
    assert state_box(box, GROWN) == grown
    assert undo_convention(grown, GROWN) == box


def test_a_box_without_room_for_the_convention_is_one_pixel_wide() -> None:
    assert undo_convention(Box(5, 0, 6, 1), GROWN) == Box(5, 0, 6, 1)


@pytest.mark.parametrize("edge", [0, 1, 2])
def test_an_edge_at_0_is_read_as_the_first_pixel(edge: int) -> None:
    assert undo_convention(Box(edge, 9, 20, 20), GROWN).x1 == (0 if edge == 0 else edge + 1)
