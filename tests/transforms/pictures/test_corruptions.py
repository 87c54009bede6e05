"""Corrupted pictures: the same shape, worse with each severity, the same each time."""

import hashlib

import cv2
import numpy as np
import pytest

from medmultipoints.transforms.pictures.corruptions import KINDS, SEVERITIES, corrupt, kind_of


def scene() -> np.ndarray:
    """A picture with coarse and fine structure, as tissue has."""
    drawn = np.random.default_rng(4)
    layers = [cv2.resize(drawn.uniform(-1, 1, (3 * n, 4 * n)), (240, 180)) * 60 / n**0.5 for n in (1, 2, 4, 8, 16, 32)]
    gray = 128 + sum(layers)
    return np.clip(np.stack([gray, gray * 0.8, gray * 0.6], axis=2), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_each_severity_is_further_from_the_picture(kind: str) -> None:
    picture = scene()
    distances = [float(cv2.norm(KINDS[kind](picture, severity, 3), picture)) for severity in SEVERITIES]
    assert distances == sorted(distances) and distances[0] > 0
    assert {KINDS[kind](picture, severity, 3).shape for severity in SEVERITIES} == {picture.shape}


def test_a_picture_has_one_kind_and_the_same_bytes_each_time() -> None:
    name = hashlib.sha256(b"x").hexdigest()
    assert (corrupt(scene(), 3, name) == corrupt(scene(), 3, name)).all()
    assert kind_of(name) == kind_of(name)


def test_all_kinds_occur() -> None:
    assert {kind_of(str(number)) for number in range(200)} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_one_pixel_survives(kind: str) -> None:
    assert KINDS[kind](np.full((1, 1, 3), 100, np.uint8), 5, 0).shape == (1, 1, 3)
