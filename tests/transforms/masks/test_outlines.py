"""Outlines along pixel edges and the pixels inside them are exact inverses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medmultipoints.transforms.masks.outlines import fill_outlines, simplify_outlines, trace_outlines

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(MASKS)
def test_a_filled_outline_is_the_mask_that_was_traced(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(mask, fill_outlines(trace_outlines(mask), *mask.shape))


@given(MASKS)
def test_an_outline_has_corners_alone(mask: NDArray[np.bool_]) -> None:
    for outline in trace_outlines(mask):
        for a, b, c in zip(outline, (*outline[1:], outline[0]), (*outline[2:], *outline[:2]), strict=True):
            assert (a[0] == b[0]) != (b[0] == c[0])


def test_the_outline_of_one_pixel_is_its_four_edges() -> None:
    mask = np.zeros((4, 5), np.bool_)
    mask[2, 3] = True
    assert [set(outline) for outline in trace_outlines(mask)] == [{(3.0, 2.0), (4.0, 2.0), (4.0, 3.0), (3.0, 3.0)}]


def test_a_hole_is_an_outline_of_its_own() -> None:
    mask = np.ones((5, 5), np.bool_)
    mask[2, 2] = False
    assert len(trace_outlines(mask)) == 2


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        ([(0.4, 0.4), (2.6, 0.4), (2.6, 1.6), (0.4, 1.6)], [[1, 1, 1], [1, 1, 1]]),
        ([(0.6, 0.0), (3.0, 0.0), (3.0, 2.0), (0.6, 2.0)], [[0, 1, 1], [0, 1, 1]]),
        ([(-9, -9), (99, -9), (99, 99), (-9, 99)], [[1, 1, 1], [1, 1, 1]]),
        ([(0, 0), (0.4, 0), (0.4, 2), (0, 2)], [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_a_pixel_is_inside_where_its_centre_is(polygon: list[tuple[float, float]], expected: list[list[int]]) -> None:
    assert expected == fill_outlines([polygon], 2, 3).astype(int).tolist()


def test_a_simpler_outline_stays_near() -> None:
    rows, columns = np.indices((200, 300))
    disc = ((rows - 100) / 80) ** 2 + ((columns - 150) / 120) ** 2 < 1
    simple = simplify_outlines(trace_outlines(disc), 1.0)
    filled = fill_outlines(simple, 200, 300)
    assert sum(map(len, simple)) < 100
    assert (disc & filled).sum() / (disc | filled).sum() > 0.98
