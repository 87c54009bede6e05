"""Quality control: small, unsteady, nested and overlapping masks are refused, each by its rule; looks are compared."""

import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.witnesses.quality import Appearance, Candidate, clean_mask, likeness, settle

Mask = NDArray[np.bool_]


def square(x1: int, y1: int, x2: int, y2: int) -> Mask:
    mask = np.zeros((200, 200), np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


def candidate(name: str, mask: Mask, *, stability: float = 1.0, score: int = 9) -> Candidate:
    return Candidate(name, "polyps", mask, score, stability)


def refusals(*candidates: Candidate) -> dict[str, str | None]:
    return {one.candidate.name: one.refused for one in settle(candidates, 0.95)}


def test_a_region_below_a_twentieth_of_a_percent_is_dropped() -> None:
    assert {"a": "too_small", "b": None} == refusals(
        candidate("a", square(0, 0, 4, 4)), candidate("b", square(0, 0, 6, 6))
    )


def test_an_unsteady_mask_is_refused_and_suppresses_nothing() -> None:
    steady, other = candidate("a", square(20, 20, 60, 60)), candidate("b", square(0, 0, 100, 100), stability=0.94)
    assert {"a": None, "b": "unstable"} == refusals(steady, other)


@pytest.mark.parametrize("inner", [square(30, 30, 50, 50), square(20, 20, 61, 61)])
def test_nested_masks_leave_the_better_one(inner: Mask) -> None:
    found = refusals(candidate("a", square(20, 20, 60, 60)), candidate("b", inner, score=8))
    assert {"a": None, "b": "nested"} == found


def test_overlapping_masks_share_no_pixel_and_a_mask_mostly_taken_is_refused() -> None:
    settled = {
        one.candidate.name: one
        for one in settle(
            [candidate("a", square(20, 20, 60, 60)), candidate("b", square(50, 20, 120, 60), score=8)], 0.95
        )
    }
    assert settled["b"].refused is None
    assert not (settled["a"].mask & settled["b"].mask).any()
    found = refusals(candidate("a", square(20, 20, 60, 60)), candidate("b", square(36, 20, 66, 60), score=8))
    assert {"a": None, "b": "overlapping"} == found


def test_opening_and_closing_take_hairs_and_cracks_and_leave_the_largest_part() -> None:
    mask = square(20, 20, 60, 60) | square(60, 40, 120, 41) | square(150, 150, 170, 170)
    mask[40, 20:60] = False
    np.testing.assert_array_equal(square(20, 20, 60, 60)[30:50, 30:50], clean_mask(mask)[30:50, 30:50])
    assert not clean_mask(mask)[:, 70:].any()
    assert not clean_mask(square(10, 10, 11, 11)).any()


def test_the_order_in_which_candidates_come_does_not_matter() -> None:
    own = [
        candidate("a", square(20, 20, 60, 60)),
        candidate("b", square(30, 30, 90, 90)),
        candidate("c", square(0, 0, 9, 9)),
    ]
    assert refusals(*own) == refusals(*reversed(own))


def test_a_mask_unlike_every_real_one_is_improbable_and_few_examples_say_nothing() -> None:
    random = np.random.default_rng(0)
    real = [Appearance(*row) for row in random.normal((0.1, 120, 5, 10, 1), (0.02, 10, 1, 3, 0.5), (99, 5)).tolist()]
    usual = Appearance(0.1, 120, 5, 10, 1)
    assert 1.0 == likeness(usual, real)
    assert 0.1 == likeness(Appearance(0.1, 5, 5, 10, 1), real)  # 2 x 1/100, of five features
    assert likeness(usual, real[:19]) is None
