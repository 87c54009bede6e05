"""Pictures become tensors and outputs become probabilities in the picture's frame; shifts and flips are undone."""

import cv2
import numpy as np
import pytest

from medmultipoints.transforms.witnesses.network import (
    Click,
    Network,
    in_frame,
    to_probabilities,
    to_tensor,
    undo_variants,
    variants,
)

PLAIN = Network(width=16, height=8, mean=(0, 0, 0), std=(255, 255, 255), labels=("polyps",))


def test_each_variant_is_undone_where_it_is_known() -> None:
    tensor = np.random.default_rng(1).random((1, 3, 8, 16), np.float32)
    found = list(undo_variants(variants(tensor)[:, 0]))
    assert 6 == len(found)
    for undone, known in found:
        assert known.mean() > 0.8
        np.testing.assert_array_equal(tensor[0, 0][known], undone[known])


def test_levels_are_normalised_and_clicks_lie_where_they_were_made() -> None:
    network = Network(width=16, height=8, mean=(10, 20, 30), std=(2, 4, 8), labels=("polyps",), click_radius=1)
    pixels = np.full((80, 160, 3), (12, 24, 38), np.uint8)
    before = np.zeros((80, 160), np.bool_)
    before[:, :80] = True
    tensor = to_tensor(pixels, network, [Click(155, 5, True), Click(5, 75, False)], before)
    assert (1, 6, 8, 16) == tensor.shape
    np.testing.assert_array_equal(1.0, tensor[0, :3])
    assert 1.0 == tensor[0, 3, 0, 15]
    assert 1.0 == tensor[0, 4, 7, 0]
    assert 0.0 == tensor[0, 3, 7, 0]
    np.testing.assert_array_equal(1.0, tensor[0, 5, :, :8])
    np.testing.assert_array_equal(0.0, tensor[0, 5, :, 8:])


def test_softmax_leaves_out_the_background_and_sigmoid_does_not_overflow() -> None:
    two = Network(width=2, height=1, mean=(0,) * 3, std=(1,) * 3, labels=("a", "b"), activation="softmax")
    output = np.log(np.array([[[0.5, 0.1]], [[0.3, 0.2]], [[0.2, 0.7]]], np.float32))
    np.testing.assert_allclose([[[0.3, 0.2]], [[0.2, 0.7]]], to_probabilities(output, two), atol=1e-6)
    one = Network(width=2, height=1, mean=(0,) * 3, std=(1,) * 3, labels=("a",), activation="sigmoid")
    np.testing.assert_array_equal(
        [[[0.0, 1.0]]], to_probabilities(np.array([[[-1e30, 1e30]]], np.float32), one).round(6)
    )


@pytest.mark.parametrize("size", [(64, 48), (33, 17)])
def test_a_map_in_another_frame_keeps_its_place(size: tuple[int, int]) -> None:
    map_ = cv2.GaussianBlur(np.eye(8, 16, k=4, dtype=np.float32), (3, 3), 0)
    framed = in_frame(map_, *size)
    width, height = size
    assert (height, width) == framed.shape
    centre = [
        np.average(np.indices(one.shape)[axis] + 0.5, weights=one) / one.shape[axis]
        for one in (map_, framed)
        for axis in (0, 1)
    ]
    np.testing.assert_allclose(centre[:2], centre[2:], atol=0.02)
