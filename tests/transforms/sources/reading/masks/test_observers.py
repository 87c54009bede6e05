"""Masks of several observers are never labels: which of them to read is asked, and the likely answer is one alone."""

import io

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from tests.members import MemoryMembers

FOLDERS, CASES, NAMES = "reader_{who}/{n}.png", "c{n}/mask_{who}.png", "img/{n}_{who}.png"
PICTURES = {FOLDERS: "img/{n}.png", CASES: "c{n}/image.png", NAMES: "img/{n}.png"}


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def masks(place: str, apart: int) -> dict[str, bytes]:
    """Pictures with a square of 40 pixels by two people; the second one's is ``apart`` pixels further right."""
    files = {}
    for number in range(6):
        noise = np.random.default_rng(number).integers(0, 256, (96, 128), np.uint8)
        files[PICTURES[place].format(n=number)] = png(noise)
        for who, left in (("A", 20), ("B", 20 + apart)):
            drawn = np.zeros((96, 128), np.uint8)
            drawn[20:60, left : left + 40] = 255
            files[place.format(n=number, who=who)] = png(drawn)
    return files


@pytest.mark.parametrize("place", [FOLDERS, CASES, NAMES])
def test_the_likely_answer_about_equal_areas_is_one_observer(place: str) -> None:
    files = MemoryMembers(masks(place, 2))
    (question,) = [one for one in inspect_source(files, {}).questions if one.key == "annotations"]
    assert "as those of several observers do" in question.text
    assert "{target}" not in str(question.default)
    found = inspect_source(files, {"masks": {"label": "lesion"}}, accept=True)
    assert {"lesion": 6} == dict(found.objects)


@pytest.mark.parametrize("place", [FOLDERS, CASES])
def test_similar_areas_have_no_likely_answer(place: str) -> None:
    """Tumour and core, or two people who disagree: who made them cannot be seen."""
    files = MemoryMembers(masks(place, 9))
    assert {"annotations": None} == {
        one.key: one.default for one in inspect_source(files, {}).questions if one.key == "annotations"
    }


@pytest.mark.parametrize("place", [FOLDERS, CASES])
def test_areas_apart_are_labels(place: str) -> None:
    found = inspect_source(MemoryMembers(masks(place, 30)), {}, accept=True)
    assert {"A": 6, "B": 6} == dict(found.objects)
