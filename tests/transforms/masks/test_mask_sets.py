"""Union and overlap of masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice, iou, union_of
from medmultipoints.transforms.masks.run_lengths import encode_rle

Mask = NDArray[np.bool_]
MASKS = arrays(np.bool_, (5, 7))


def _coded(mask: Mask) -> list[str]:
    return [encode_rle(mask.astype(np.uint8), 0, 0, 7, 5)] if mask.any() else []


def test_two_of_three_pixels_shared() -> None:
    one, other = np.array([[1, 1, 1, 0]], bool), np.array([[0, 1, 1, 1]], bool)
    assert dice(one, other) == pytest.approx(2 / 3)
    assert iou(one, other) == pytest.approx(1 / 2)


def test_two_empty_masks_agree_and_an_empty_one_shares_nothing() -> None:
    empty, full = np.zeros((2, 2), bool), np.ones((2, 2), bool)
    assert (dice(empty, empty), iou(empty, empty)) == (1, 1)
    assert (dice(empty, full), iou(empty, full)) == (0, 0)


@given(MASKS, MASKS)
def test_dice_and_iou_state_the_same_overlap(one: Mask, other: Mask) -> None:
    assert dice(one, other) == pytest.approx(2 * iou(one, other) / (1 + iou(one, other)))
    assert dice(one, other) == dice(other, one)


@given(MASKS, MASKS)
def test_a_union_holds_the_pixels_of_each_mask_and_no_other(one: Mask, other: Mask) -> None:
    assert np.array_equal(union_of(_coded(one) + _coded(other), 7, 5), one | other)


def test_the_union_of_no_mask_is_empty() -> None:
    assert not union_of([], 4, 3).any()
    assert union_of([], 4, 3).shape == (3, 4)
