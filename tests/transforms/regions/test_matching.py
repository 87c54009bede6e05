"""Boxes are paired one to one by the highest total score, and only boxes near each other are compared."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.regions.matching import match_boxes
from medmultipoints.transforms.regions.overlaps import find_overlaps, shared_side

places, sizes = st.integers(0, 20), st.integers(1, 12)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), places, places, sizes, sizes)
SQUARE = Box(0, 0, 10, 10)


def grid_of(count: int, step: int = 10, side: int = 8) -> list[Box]:
    """Return ``count`` boxes in rows of a hundred, without overlaps."""
    corners = [(step * (number % 100), step * (number // 100)) for number in range(count)]
    return [Box(x, y, x + side, y + side) for x, y in corners]


def best_total(first: list[Box], second: list[Box]) -> float:
    """The highest sum of scores over all ways to pair the boxes."""
    partners = [*range(len(second)), *[None] * len(first)]
    sums = (
        sum(iou(box, second[place]) for box, place in zip(first, chosen, strict=True) if place is not None)
        for chosen in permutations(partners, len(first))
    )
    return max(sums)


@given(st.lists(boxes, max_size=4), st.lists(boxes, max_size=3))
def test_the_total_score_is_the_highest_there_is(first: list[Box], second: list[Box]) -> None:
    pairs = match_boxes(first, second)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert abs(sum(iou(first[i], second[j]) for i, j in pairs) - best_total(first, second)) < 1e-5


@given(st.lists(boxes, max_size=12), st.lists(boxes, max_size=12), st.integers(0, 5))
def test_overlaps_are_those_of_all_pairs(first: list[Box], second: list[Box], margin: int) -> None:
    expected = [[j for j, other in enumerate(second) if shared_side(box, other) > -margin] for box in first]
    assert find_overlaps(first, second, margin=margin) == expected


def test_a_box_is_given_up_where_two_pairs_are_better_than_one() -> None:
    """The greedy choice of the best single pair would leave the second box alone."""
    first, second = [Box(0, 0, 10, 10), Box(0, 0, 10, 4)], [Box(0, 0, 10, 8), Box(0, 4, 10, 14)]
    assert match_boxes(first, second) == [(0, 1), (1, 0)]


def test_equal_boxes_are_paired_in_their_order() -> None:
    assert match_boxes([SQUARE] * 3, [SQUARE] * 2) == [(0, 0), (1, 1)]
    assert match_boxes([SQUARE], [SQUARE] * 2) == [(0, 0)]


def test_a_group_is_matched_alike_whatever_other_boxes_there_are() -> None:
    ahead = [Box(100, 100, 110, 110)] * 2
    assert match_boxes([*ahead, SQUARE, SQUARE], [*ahead[:1], SQUARE]) == [(0, 0), (2, 1)]


def test_pairs_below_the_least_score_are_none() -> None:
    assert match_boxes([SQUARE], [Box(9, 9, 19, 19)], at_least=0.1) == []


def test_boxes_far_apart_are_never_scored() -> None:
    """10,000 objects cost about 10,000 comparisons, not 100 million."""
    many, compared = grid_of(10_000), 0

    def count(a: Box, b: Box) -> float:
        nonlocal compared
        compared += 1
        return iou(a, b)

    assert len(match_boxes(many, many, score=count)) == 10_000
    assert compared == 10_000
