"""Smoothed binary masks are distinguished from masks of classes and of numbered objects."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.reading.masks.mask_values import is_smoothed
from tests.faults.tiny_sources import pixels
from tests.members import MemoryMembers

Mask = NDArray[np.uint8]


def areas() -> Mask:
    mask = np.zeros((96, 128), np.uint8)
    cv2.circle(mask, (30, 40), 17, 255, -1)
    cv2.rectangle(mask, (70, 20), (110, 70), 255, -1)
    return mask


def blurred() -> Mask:
    return np.asarray(cv2.GaussianBlur(areas(), (5, 5), 0), np.uint8)


def resized() -> Mask:
    return np.asarray(cv2.resize(areas(), (321, 250), interpolation=cv2.INTER_CUBIC), np.uint8)


def numbered() -> Mask:
    """Many small objects, the last of them over the rest of the picture."""
    mask = np.full((96, 128), 255, np.uint8)
    for number in range(1, 60):
        mask[9 * (number // 8) : 9 * (number // 8) + 8, 12 * (number % 8) : 12 * (number % 8) + 9] = number
    mask[:, 110:] = 0
    return mask


def graded() -> Mask:
    """A probability, not a mask."""
    return np.tile(np.linspace(0, 255, 128).astype(np.uint8), (96, 1))


@pytest.mark.parametrize(
    ("mask", "expected"), [(blurred, True), (resized, True), (areas, False), (numbered, False), (graded, False)]
)
def test_shades_at_the_edges_of_areas_alone_are_smoothed(mask: Callable[[], Mask], expected: bool) -> None:
    values = mask()
    assert is_smoothed(values, [int(value) for value in np.unique(values) if value]) is expected


def test_smoothed_masks_are_binary() -> None:
    """Their many values are neither classes nor numbers of objects; an empty one changes nothing."""
    shown = {name: cv2.resize(pixels(name), (128, 96)) for name in "abc"}
    files = {f"images/{name}.jpg": cv2.imencode(".jpg", picture)[1].tobytes() for name, picture in shown.items()}
    masks = {"a": blurred(), "b": blurred(), "c": areas() * 0}
    files |= {f"masks/{name}.png": cv2.imencode(".png", mask)[1].tobytes() for name, mask in masks.items()}
    found = inspect_source(MemoryMembers(files), {"masks": {"label": "cyst", "object": "component"}})
    assert found.recognition is not None
    assert found.read["masks"]["kind"] == "binary"
    assert found.objects == {"cyst": 4}
    assert [question.key for question in found.questions] == []
    assert "smoothed" in next(proof.text for proof in found.recognition.proofs if proof.key == "masks.kind")


@pytest.mark.parametrize(
    "maps",
    [
        {"class_dict.csv": b"vein,255,0,0\nnerve,255,0,0\nvein,0,255,0\n"},
        {"class_dict.csv": b"vein,255,0,0\nnerve,0,255,0\n", "label_colors.txt": b"255 0 0 nerve\n0 255 0 vein\n"},
        {"class_dict.csv": b"vein,255,0,0\nnerve,0,255\n"},
    ],
)
def test_label_maps_that_contradict_are_asked(maps: dict[str, bytes]) -> None:
    """Two names of one colour, two files, or a line that is none."""
    mask = np.zeros((96, 128, 3), np.uint8)
    mask[10:30, 10:50], mask[50:80, 60:100] = (0, 0, 255), (0, 255, 0)  # written blue, green, red
    shown = {f"images/{name}.jpg": cv2.imencode(".jpg", pixels(name))[1].tobytes() for name in "abc"}
    masks = {f"masks/{name}.png": cv2.imencode(".png", cv2.resize(mask, pixels(name).shape[1::-1], interpolation=0))[1]
             for name in "abc"}  # fmt: skip
    files = shown | {name: held.tobytes() for name, held in masks.items()} | maps
    found = inspect_source(MemoryMembers(files), {}, accept=False)
    assert "masks.values" in {question.key for question in found.questions}
