"""Polygons fill the pixels whose centres lie inside, and adjacent polygons share no pixel."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.masks.polygons import fill_polygons, polygon_box
from medmultipoints.transforms.masks.run_lengths import box_of_rle, encode_rle
from medmultipoints.transforms.records import Box, Point

Corner = tuple[float, float]


def outline(*corners: Corner) -> tuple[Point, ...]:
    return tuple(Point(x, y) for x, y in corners)


def rectangle(x1: float, y1: float, x2: float, y2: float) -> tuple[Point, ...]:
    return outline((x1, y1), (x2, y1), (x2, y2), (x1, y2))


sides = st.lists(st.integers(0, 12), min_size=2, max_size=2, unique=True).map(sorted)


@given(sides, sides)
def test_a_rectangle_on_pixel_edges_is_exactly_its_pixels(xs: list[int], ys: list[int]) -> None:
    mask = fill_polygons([rectangle(xs[0], ys[0], xs[1], ys[1])], 12, 12)
    expected = np.zeros((12, 12), bool)
    expected[ys[0] : ys[1], xs[0] : xs[1]] = True
    assert np.array_equal(expected, mask)


points = st.lists(st.tuples(st.integers(-40, 200), st.integers(-40, 160)), min_size=3, max_size=9)


@given(points)
def test_a_pixel_belongs_where_its_centre_crosses_an_odd_number_of_edges(corners: list[tuple[int, int]]) -> None:
    polygon = outline(*((x / 7, y / 7) for x, y in corners))
    mask = fill_polygons([polygon], 22, 17)
    expected = np.zeros((17, 22), bool)
    for row in range(17):
        for column in range(22):
            expected[row, column] = _crossings(polygon, column + 0.5, row + 0.5) % 2 == 1
    assert np.array_equal(expected, mask)


def _crossings(polygon: tuple[Point, ...], x: float, y: float) -> int:
    found = 0
    for a, b in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        upper, lower = (a, b) if a.y <= b.y else (b, a)
        if upper.y <= y < lower.y:
            found += upper.x + (y - upper.y) * ((lower.x - upper.x) / (lower.y - upper.y)) <= x
    return found


@given(st.integers(1, 60), st.integers(1, 60))
def test_two_parts_of_a_square_share_no_pixel_and_lose_none(a: int, b: int) -> None:
    top, bottom = a / 5, b / 5
    left = fill_polygons([outline((0, 0), (top, 0), (bottom, 12), (0, 12))], 12, 12)
    right = fill_polygons([outline((top, 0), (12, 0), (12, 12), (bottom, 12))], 12, 12)
    assert not (left & right).any()
    assert (left | right).all()


def test_several_outlines_of_one_object_are_united() -> None:
    mask = fill_polygons([rectangle(0, 0, 2, 2), rectangle(1, 1, 3, 3)], 4, 4)
    assert mask.sum() == 7


def test_a_polygon_beyond_the_frame_is_cut_and_its_box_is_not() -> None:
    polygon = rectangle(-3, -3, 2, 2)
    assert fill_polygons([polygon], 4, 4).sum() == 4
    assert Box(-3, -3, 2, 2) == polygon_box([polygon])


def test_a_large_polygon_agrees_with_another_rasteriser_inside() -> None:
    corners = [(10, 10), (190, 30), (150, 170), (40, 140)]
    ours = fill_polygons([outline(*corners)], 200, 200)
    theirs = np.zeros((200, 200), np.uint8)
    cv2.fillPoly(theirs, [np.array(corners, np.int32)], 1)
    assert (ours != (theirs > 0)).sum() < 500
    assert not (ours & (theirs == 0)).any()


@given(points)
def test_the_extent_of_a_code_is_that_of_its_pixels(corners: list[tuple[int, int]]) -> None:
    white = fill_polygons([outline(*((x / 7, y / 7) for x, y in corners))], 22, 17)
    if not white.any():
        return
    rows, columns = np.nonzero(white)
    code = encode_rle(white.view(np.uint8), 0, 0, 22, 17)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box_of_rle(code, 17, 22)
