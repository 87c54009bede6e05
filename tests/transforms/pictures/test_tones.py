"""Brightness and roughness are means over grid points, compared with a slow measurement point by point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medmultipoints.transforms.masks.components import find_regions
from medmultipoints.transforms.pictures.tones import LEAST_PAIRS, LIT, RING_STEPS, grid_step, measure_tone
from medmultipoints.transforms.records import Tone

Mask = NDArray[np.uint8]


def drawn(seed: int, width: int, height: int, lowest: int = 0) -> tuple[NDArray[np.uint8], Mask]:
    """A noisy picture and a mask of one ellipse in it, which borders may cut."""
    draw = np.random.default_rng(seed)
    picture = draw.integers(lowest, 256, (height, width, 3), np.uint8)
    (x, y), (a, b) = draw.integers(0, (width, height)), draw.integers(2, (width, height))
    rows, columns = np.mgrid[:height, :width]
    return picture, (((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 0.5).astype(np.uint8)


def slow_tone(picture: NDArray[np.uint8], mask: Mask) -> Tone | None:
    """The definition, point by point."""
    step, (height, width) = grid_step(int(mask.sum())), mask.shape
    grid = [(y, x) for y in range(0, height, step) for x in range(0, width, step)]
    luma = {at: int(picture[at] @ np.array([77, 150, 29])) // 256 for at in grid}
    inside = {at for at in grid if mask[at]}
    near = range(-RING_STEPS * step, RING_STEPS * step + 1, step)
    reached = {(y + down, x + across) for y, x in inside for down in near for across in near}
    ring = {at for at in reached - inside if luma.get(at, 0) >= LIT}
    found: list[float] = []
    for side in (inside, ring):
        pairs = [(at, (at[0] + step * (1 - i), at[1] + step * i)) for at in side for i in (0, 1)]
        steps = [abs(luma[one] - luma[other]) for one, other in pairs if other in side]
        if len(steps) < LEAST_PAIRS:
            return None
        found += [round(sum(luma[at] for at in side) / len(side), 2), round(sum(steps) / len(steps), 2)]
    return Tone(*found)


@given(st.integers(0, 10**6), st.integers(8, 130), st.integers(8, 130))
def test_tones_are_what_their_definition_says(seed: int, width: int, height: int) -> None:
    """Of any picture and mask, whatever borders cut and whatever the step of the grid."""
    picture, mask = drawn(seed, width, height)
    assert measure_tone(picture, mask, 0, 0, int(mask.sum())) == slow_tone(picture, mask)


@given(st.integers(0, 10**6), st.integers(8, 130), st.integers(8, 130))
def test_the_rectangle_that_is_given_does_not_matter(seed: int, width: int, height: int) -> None:
    """The object's own rectangle gives what the whole frame gives: a release is verified so."""
    picture, mask = drawn(seed, width, height, lowest=LIT)
    (top, left), (bottom, right) = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0) + 1
    whole = measure_tone(picture, mask, 0, 0, int(mask.sum()))
    assert whole == measure_tone(picture, mask[top:bottom, left:right], int(left), int(top), int(mask.sum()))


@pytest.mark.parametrize(("area", "step"), [(1, 1), (64**2 - 1, 1), (64**2, 2), (96**2, 3), (1_100_000, 32)])
def test_the_grid_grows_with_the_object(area: int, step: int) -> None:
    """About 32 points across a large object, whatever its size."""
    assert grid_step(area) == step


def test_an_even_object_on_noise_is_smooth() -> None:
    """What is even has no roughness; a bright object has the luma of its colour."""
    picture, mask = drawn(3, 60, 50)[0], np.zeros((50, 60), np.uint8)
    mask[20:30, 20:40] = 1
    picture[mask.astype(bool)] = (200, 100, 50)
    tone = measure_tone(picture, mask, 0, 0, 200)
    assert tone is not None
    assert (tone.luma, tone.roughness) == ((77 * 200 + 150 * 100 + 29 * 50) // 256, 0)
    assert tone.ring_roughness > 10


def test_a_black_frame_is_no_surrounding() -> None:
    """The ring holds only lit points; with too few, nothing is measured."""
    picture, mask = np.full((50, 60, 3), 120, np.uint8), np.zeros((50, 60), np.uint8)
    mask[20:30, 20:40] = 1
    picture[:, :20] = LIT - 1
    lit = measure_tone(picture, mask, 0, 0, 200)
    assert lit is not None and lit.ring_luma == 120

    picture[~mask.astype(bool)] = 0
    assert measure_tone(picture, mask, 0, 0, 200) is None


def test_a_mask_of_the_whole_picture_has_no_ring() -> None:
    """Nothing surrounds it."""
    assert measure_tone(np.full((30, 30, 3), 99, np.uint8), np.ones((30, 30), np.uint8), 0, 0, 900) is None


def test_a_thread_between_the_points_of_the_grid_has_no_tone() -> None:
    """A long thin object may miss every point of a coarse grid."""
    mask = np.ones((1, 5000), np.uint8)
    assert measure_tone(np.full((9, 6000, 3), 99, np.uint8), mask, 0, 4, 5000) is not None
    assert measure_tone(np.full((9, 6000, 3), 99, np.uint8), mask, 0, 3, 5000) is None


def test_each_component_of_a_mask_has_its_own_tone() -> None:
    """As if it were alone: the points of another object are surroundings like any other."""
    picture, _ = drawn(5, 80, 60)
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 10:30], mask[12:40, 33:60] = 255, 255
    regions = find_regions(mask, picture=picture).regions
    alone = [np.zeros_like(mask), np.zeros_like(mask)]
    alone[0][10:30, 10:30], alone[1][12:40, 33:60] = 1, 1
    assert [region.tone for region in regions] == [slow_tone(picture, one) for one in alone]
    assert all(region.tone is None for region in find_regions(mask).regions)
