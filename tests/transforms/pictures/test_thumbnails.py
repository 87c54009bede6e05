"""Thumbnails use whole numbers after averaging, ignore brightness, and are equal on every machine."""

import numpy as np
import pytest

from medmultipoints.transforms.pictures.decode import decode_image, encode_jpeg, resize_image
from medmultipoints.transforms.pictures.thumbnails import (
    RANGES,
    SEARCHED,
    UNIT,
    _weights,
    correlate,
    hash_windows,
    is_flat,
    mirror,
    pack,
    perceptual_hash,
    perceptual_hashes,
    thumbnail,
    to_luma,
    unpack,
    whole_gradients,
    window_gradients,
)
from tests.transforms.planted import brighten, crop, scene


def test_a_packed_thumbnail_comes_back() -> None:
    small = np.stack([thumbnail(to_luma(scene(seed))) for seed in range(3)])
    packed = [pack(one) for one in small]
    assert {len(text) for text in packed} == {2048}
    assert np.array_equal(unpack(packed), small)
    assert unpack([]).shape == (0, 32, 32)


def test_the_hash_is_part_of_the_format() -> None:
    """Golden: a ramp that rises to the right sets every bit, its mirror picture none."""
    ramp = np.repeat(np.arange(32, dtype=np.uint8)[None] * 8, 32, axis=0)[None]
    assert hash_windows(ramp).tolist() == [2**64 - 1]
    assert hash_windows(mirror(ramp)).tolist() == [0]
    checked = np.zeros((1, 32, 32), np.uint8)
    checked[0, :16, 16:] = 200
    assert [f"{value:016x}" for value in hash_windows(checked).tolist()] == ["1818181800000000"]


def test_the_perceptual_hash_is_that_of_the_whole_picture() -> None:
    ramp = np.repeat(np.arange(32, dtype=np.uint8)[None] * 8, 32, axis=0)
    assert (perceptual_hash(ramp), perceptual_hash(ramp[:, ::-1])) == ("f" * 16, "0" * 16)
    both = np.stack([ramp, ramp[:, ::-1]])
    assert perceptual_hashes(both) == ["f" * 16, "0" * 16]
    assert perceptual_hashes(both[:0]) == []


def test_the_perceptual_hash_survives_compression() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    pixels = resize_image(noise, 360, 320, "bicubic")
    again = decode_image(encode_jpeg(pixels, 60)).pixels
    first, second = (int(perceptual_hash(thumbnail(to_luma(each))), 16) for each in (pixels, again))
    assert (first ^ second).bit_count() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (513, 511), (1080, 1350)])
def test_pictures_of_any_size_have_a_thumbnail(size: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), 200, np.uint8)
    assert np.array_equal(thumbnail(to_luma(pixels)), np.full((32, 32), 200, np.uint8))


@pytest.mark.parametrize("part", RANGES + tuple(side for window in SEARCHED for side in window))
def test_weights_of_every_range_add_up(part: tuple[float, float]) -> None:
    """Equal sums in every row, or a flat picture would have gradients."""
    for size in (8, 9, 16):
        weights = _weights(part, size)
        assert (weights.sum(axis=1) == UNIT).all()
        assert (weights >= 0).all()
        assert (weights == np.rint(weights)).all()


def test_gradients_are_whole_numbers_that_float64_holds_exactly() -> None:
    """So the order of additions, which depends on the machine, does not matter."""
    black_and_white = (np.random.default_rng(1).random((2, 32, 32)) < 0.5).astype(np.uint8) * 255
    found = window_gradients(black_and_white)
    assert (found == np.rint(found)).all()
    assert (found**2).sum(axis=-1).max() < 2**53


def test_the_first_window_is_the_whole_picture() -> None:
    small = np.stack([thumbnail(to_luma(scene(seed))) for seed in range(2)])
    assert np.array_equal(window_gradients(small)[:, 0], whole_gradients(small))


def test_a_picture_correlates_with_itself_brighter_or_darker() -> None:
    """And not with its negative or another picture."""
    one, dim, other = (thumbnail(to_luma(pixels))[None] for pixels in (scene(1), brighten(scene(1), 0.6), scene(2)))
    whole = whole_gradients(one)
    assert correlate(whole, window_gradients(one))[0, 0] == 1
    assert correlate(whole, window_gradients(dim))[0, 0] > 0.99
    assert correlate(whole, window_gradients(255 - one))[0, 0] < -0.99
    assert correlate(whole, window_gradients(other)).max() < 0.7


def test_the_window_that_a_crop_left_correlates_best() -> None:
    part = thumbnail(to_luma(crop(scene(1), 0.04, 0, 0.04, 0)))[None]
    found = correlate(whole_gradients(part), window_gradients(thumbnail(to_luma(scene(1)))[None]))[0]
    columns, rows = divmod(int(found.argmax()), len(RANGES))[::-1]
    assert found.max() > 0.95
    assert (RANGES[columns], RANGES[rows]) == ((0.04, 0.96), (0.0, 1.0))


def test_flat_pictures_correlate_with_nothing() -> None:
    flat = np.full((1, 32, 32), 7, np.uint8)
    assert is_flat(flat).all()
    assert not is_flat(thumbnail(to_luma(scene(1)))[None]).any()
    assert correlate(whole_gradients(flat), window_gradients(flat)).max() == 0


def test_size_hardly_matters() -> None:
    small, large = (thumbnail(to_luma(resize_image(scene(3), *size, "box")))[None] for size in ((160, 128), (320, 256)))
    assert np.abs(small.astype(int) - large).max() <= 1
