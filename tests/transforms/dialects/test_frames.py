"""Frames: the resize of the table, and numbers that come back within their rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.dialects.frames import (
    CELLS_1000,
    FRACTIONS,
    LOCATIONS_1024,
    PERCENT,
    PIXELS,
    QWEN2_5_PIXELS,
    QWEN2_5_RESIZE,
    THOUSAND,
    Frame,
    Resize,
    Size,
    decode,
    encode_box,
    encode_point,
    smart_resize,
)
from tests.transforms.dialects.samples import edges, sizes

FRAMES = (PIXELS, FRACTIONS, PERCENT, THOUSAND, QWEN2_5_PIXELS, LOCATIONS_1024, CELLS_1000)
FACTOR_32 = Resize(32, QWEN2_5_RESIZE.min_pixels, QWEN2_5_RESIZE.max_pixels)
TABLE = [
    ((640, 480), (644, 476), (640, 480)),
    ((622, 529), (616, 532), (608, 544)),
    ((700, 525), (700, 532), (704, 512)),
    ((1348, 1070), (1120, 868), (1120, 864)),
]


def allowed(frame: Frame, low: float, high: float, side: int, step: float) -> float:
    """Half a step; two where the object is thinner than the frame tells apart or ends where the frame cuts."""
    unusual = high - low <= 2 * step or high > side - 2 * step
    return 1e-6 + step * (2 if unusual else 0.5)


@pytest.mark.parametrize(("size", "by_28", "by_32"), TABLE)
def test_the_resize_gives_the_sizes_of_the_table(
    size: tuple[int, int], by_28: tuple[int, int], by_32: tuple[int, int]
) -> None:
    assert smart_resize(Size(*size), QWEN2_5_RESIZE) == by_28
    assert smart_resize(Size(*size), FACTOR_32) == by_32


def test_a_small_picture_grows_to_the_least_area() -> None:
    assert smart_resize(Size(30, 40), QWEN2_5_RESIZE) == Size(56, 84)


@pytest.mark.parametrize("size", [(27, 400), (400, 27), (28, 28 * 201)])
def test_a_picture_that_no_model_takes_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be resized"):
        smart_resize(Size(*size), QWEN2_5_RESIZE)


@given(sizes())
def test_resized_sides_are_multiples_within_the_limits(size: Size) -> None:
    resized = smart_resize(size, QWEN2_5_RESIZE)
    assert all(side % 28 == 0 for side in resized)
    assert 3136 <= resized.width * resized.height <= QWEN2_5_RESIZE.max_pixels


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
@given(data=st.data())
def test_boxes_come_back_within_the_rounding_of_the_frame(frame: Frame, data: st.DataObject) -> None:
    size = data.draw(sizes())
    box = data.draw(edges(size))
    back = decode(frame, encode_box(frame, box, size), size)
    for axis, step in enumerate(frame.step(size)):
        tolerance = allowed(frame, box[axis], box[axis + 2], size[axis], step)
        assert back[axis] < back[axis + 2]
        assert abs(back[axis] - box[axis]) <= tolerance
        assert abs(back[axis + 2] - box[axis + 2]) <= tolerance


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
@given(data=st.data())
def test_points_come_back_within_the_rounding_of_the_frame(frame: Frame, data: st.DataObject) -> None:
    size = data.draw(sizes())
    x1, y1, x2, y2 = data.draw(edges(size))
    point = ((x1 + x2) / 2, (y1 + y2) / 2)
    back = decode(frame, encode_point(frame, point, size), size)
    for axis, step in enumerate(frame.step(size)):
        # A point in the last half step is cut by a frame whose largest number is one less than the side.
        cut = step if point[axis] > size[axis] - step else 0
        assert abs(back[axis] - point[axis]) <= step / 2 + cut + 1e-6


@pytest.mark.parametrize(
    ("frame", "numbers"),
    [
        (PIXELS, [0, 0, 640, 480]),
        (FRACTIONS, [0, 0, 1, 1]),
        (PERCENT, [0, 0, 100, 100]),
        (THOUSAND, [0, 0, 1000, 1000]),
        (QWEN2_5_PIXELS, [0, 0, 643, 475]),
        (LOCATIONS_1024, [0, 0, 1023, 1023]),
        (CELLS_1000, [0, 0, 999, 999]),
    ],
    ids=[frame.name for frame in FRAMES],
)
def test_the_box_of_the_whole_picture_has_the_extreme_numbers(frame: Frame, numbers: list[float]) -> None:
    assert encode_box(frame, (0.0, 0.0, 640.0, 480.0), Size(640, 480)) == numbers


def test_a_box_that_passes_the_edge_is_cut_at_it() -> None:
    assert encode_box(THOUSAND, (-0.4, 0.0, 640.3, 480.9), Size(640, 480)) == [0, 0, 1000, 1000]
