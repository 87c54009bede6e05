"""Decoded frames are used only if the pictures around them prove the numbering."""

import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.numbering import find_numbering_problem, miniature, odd_sizes

Pictures = dict[int, NDArray[np.uint8]]


def film(count: int = 12, moving: float = 3.0, noise: float = 0.5, seed: int = 1, size: int = 120) -> Pictures:
    """A bright spot that moves by so many pixels a frame over a noisy background."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((90, size))
    background = rng.normal(90, 20, (90, size))
    frames = {}
    for n in range(count):
        spot = 120 * np.exp(-((columns - 10 - moving * n) ** 2 + (rows - 45) ** 2) / 60)
        gray = np.clip(background + spot + rng.normal(0, noise, (90, size)), 0, 255).astype(np.uint8)
        frames[n] = miniature(np.dstack([gray] * 3))
    return frames


def again(frames: Pictures, shift: int = 0, error: int = 2, seed: int = 9) -> Pictures:
    """The frames as pictures under numbers that are shifted, encoded once more."""
    rng = np.random.default_rng(seed)
    noisy = {n: np.clip(f + rng.integers(-error, error + 1, f.shape), 0, 255) for n, f in frames.items()}
    return {n + shift: picture.astype(np.uint8) for n, picture in noisy.items()}


def chosen(pictures: Pictures, *numbers: int) -> Pictures:
    return {n: pictures[n] for n in numbers if n in pictures}


@pytest.mark.parametrize("moving", [0.5, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("error", [0, 1, 3])
def test_pictures_of_the_same_numbers_prove_them(moving: float, error: int) -> None:
    frames = film(moving=moving)
    assert find_numbering_problem(chosen(again(frames, error=error), 3, 4, 6, 7), frames) is None


@pytest.mark.parametrize("shift", [1, -1, 2])
@pytest.mark.parametrize("moving", [1.0, 3.0])
def test_pictures_numbered_otherwise_are_named(shift: int, moving: float) -> None:
    frames = film(moving=moving)
    problem = find_numbering_problem(chosen(again(frames, shift), 4, 5, 7, 8), frames)
    assert problem is not None
    assert f"picture 4 is frame {4 - shift}" in problem


def test_numbers_that_part_in_the_middle_are_named() -> None:
    """A frame was lost: before it the numbers agree, after it they do not."""
    frames = film()
    lost = {n if n < 6 else n - 1: picture for n, picture in again(frames).items() if n != 6}
    assert find_numbering_problem(chosen(lost, 3, 4, 7, 8), frames) is not None


def test_a_film_in_which_nothing_moves_proves_nothing() -> None:
    frames = film(moving=0, noise=0)
    assert "proves" in (find_numbering_problem(chosen(again(frames, error=0), 3, 4), frames) or "")


def test_pictures_of_another_film_prove_nothing() -> None:
    assert find_numbering_problem(chosen(again(film(seed=5)), 3, 4, 6), film()) is not None


def test_pictures_of_another_shape_prove_nothing() -> None:
    assert find_numbering_problem(chosen(film(size=60), 3, 4, 6), film()) is not None


def test_frames_of_another_size_than_most_are_named() -> None:
    sizes = [("s/a", 96, 72), ("s/b", 72, 96), ("s/c", 96, 72)]
    assert list(odd_sizes(sizes)) == ["s/b"]
    assert odd_sizes([("s/a", 96, 72), ("s/c", 96, 72)]) == {}
