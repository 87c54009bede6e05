"""Masks of noise, patterns and very many parts are bounded in time and memory, or rejected with a reason."""

import time
from collections.abc import Callable
from contextlib import nullcontext

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.masks.components import find_regions
from medmultipoints.transforms.masks.mask_values import read_values
from medmultipoints.transforms.masks.run_lengths import area_of_rle, decode_rle_in, encode_rle
from medmultipoints.transforms.pictures.decode import ImageProblem

Mask = NDArray[np.uint8]
SIDE = 6000


def checkerboard() -> Mask:
    return np.asarray(np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 255, np.uint8)


def dots() -> Mask:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[::3, ::3] = 255
    return mask


def rings() -> Mask:
    mask = np.zeros((3000, 3000), np.uint8)
    for inset in range(0, 1500, 3):
        cv2.rectangle(mask, (inset, inset), (2999 - inset, 2999 - inset), 255, 1)
    return mask


def stripes() -> Mask:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[::2], mask[:, 0] = 255, 255
    return mask


@pytest.mark.parametrize("make", [checkerboard, dots, rings, stripes])
def test_patterns_that_cost_more_than_their_picture_are_refused_by_name(make: Callable[[], Mask]) -> None:
    mask = make()
    before = time.process_time()
    with pytest.raises(MemberProblem, match="mask_too_intricate"):
        find_regions(mask)
    assert time.process_time() - before < 10


def test_noise_whose_provisional_labels_pass_16_bits_is_read() -> None:
    """OpenCV stopped here: few components, but many labels on the way to them."""
    noise = np.asarray(np.random.default_rng(0).random((1500, 1500)) > 0.5, np.uint8) * 255
    found = find_regions(noise)
    assert len(found.regions) + len(found.specks) > 1000


def test_many_small_objects_are_all_found() -> None:
    mask = np.zeros((1200, 1200), np.uint8)
    tile = np.zeros((12, 12), np.uint8)
    tile[2:9, 2:9] = 255
    mask[:] = np.tile(tile, (100, 100))
    found = find_regions(mask)
    assert (len(found.regions), len(found.specks)) == (10_000, 0)
    assert {region.area_px for region in found.regions} == {49}


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_mask_is_decoded_in_its_box_alone(height: int, width: int, share: float, seed: int) -> None:
    """As the same part of the whole mask; a box that cuts the object is refused."""
    mask = np.asarray(np.random.default_rng(seed).random((height, width)) < share, np.uint8)
    if not mask.any():
        return
    rows, columns = np.nonzero(mask)
    x1, y1, x2, y2 = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    code = encode_rle(mask, 0, 0, width, height)
    assert np.array_equal(decode_rle_in(code, height, width, (x1, y1, x2, y2)), mask[y1:y2, x1:x2] == 1)
    assert area_of_rle(code) == mask.sum()
    for cut in ((x1 + 1, y1, x2, y2), (x1, y1 + 1, x2, y2), (x1, y1, x2 - 1, y2), (x1, y1, x2, y2 - 1)):
        with pytest.raises(ValueError, match="box"):
            decode_rle_in(code, height, width, cut)


def test_apart_and_labelled_components_are_the_same() -> None:
    few = np.zeros((300, 400), np.uint8)
    for place in range(4):
        few[20 : 40 + 10 * place, 20 + 90 * place : 60 + 90 * place] = 255
    few[30, 25] = 0
    crowded = few.copy()
    crowded[-1, ::10] = 255  # more components than are compared with each other
    found = find_regions(crowded, min_area_px=2)
    assert len(found.specks) == 40
    assert found.regions == find_regions(few, min_area_px=2).regions


@pytest.mark.parametrize("margin", [0, 17, 40, 200])
def test_black_around_a_mask_changes_no_decision(margin: int) -> None:
    sound = np.zeros((60, 60), np.uint8)
    cv2.circle(sound, (30, 30), 20, 255, -1)
    two = np.where(sound > 0, 200, sound)
    two[:, 30:] = np.where(sound[:, 30:] > 0, 255, 0)
    apart = sound.copy()
    apart[:8, :8] = 90
    for mask, refused in ((sound, False), (cv2.GaussianBlur(sound, (5, 5), 0), False), (two, True), (apart, True)):
        around = np.pad(mask.astype(np.uint8), margin)
        outcome = pytest.raises(ImageProblem, match="areas of several values") if refused else nullcontext()
        with outcome:
            values, threshold = read_values(around, None)
            assert threshold == 128
            assert np.array_equal(values, around)
