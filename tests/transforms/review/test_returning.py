"""Objects that come back are known again, and masks keep every pixel on their way."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.review.entries import Seen
from medmultipoints.transforms.review.exports import encode_brush
from medmultipoints.transforms.review.returning import Returned, match_returned
from medmultipoints.transforms.sources.formats.label_studio import decode_brush

ONE = Seen(object_id="one", label="polyps", box=Box(10, 10, 50, 50))
TWO = Seen(object_id="two", label="polyps", box=Box(60, 10, 90, 50))


def origins(*boxes: Box) -> list[tuple[str | None, bool]]:
    found = match_returned([ONE, TWO], [Returned(label="polyps", box=box) for box in boxes])
    return [(one.origin, one.changed) for one in found]


def test_boxes_within_half_a_pixel_are_the_same() -> None:
    assert origins(Box(10.4, 10, 50, 49.6), Box(60, 10, 90, 50)) == [("one", False), ("two", False)]


def test_moved_cut_new_and_joined_objects() -> None:
    assert origins(Box(14, 12, 54, 52)) == [("one", True)]
    assert origins(Box(10, 10, 50, 28), Box(10, 31, 50, 50)) == [("one", True), ("one", True)]
    assert origins(Box(0, 60, 9, 70)) == [(None, True)]
    assert origins(Box(10, 10, 90, 50)) == [("one", True)]


def test_an_id_that_the_tool_kept_counts_before_the_place() -> None:
    (found,) = match_returned([ONE, TWO], [Returned(label="polyps", box=Box(0, 0, 5, 5), object_id="two")])
    assert (found.origin, found.changed) == ("two", True)


@given(arrays(np.bool_, (7, 9)))
def test_a_brush_mask_comes_back_as_it_was(mask: NDArray[np.bool_]) -> None:
    channels = decode_brush(encode_brush(mask), mask.size * 4).reshape(7, 9, 4)
    assert all(np.array_equal(mask, channels[..., place] > 127) for place in range(4))
