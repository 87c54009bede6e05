"""Answers that are not in pixels are recognised by how much better they fit; pixels and wrong answers stay."""

import random

import pytest

from medmultipoints.transforms.scoring.answers.items import Item
from medmultipoints.transforms.scoring.scales import find_scale
from tests.transforms.scoring.questions import bounding, pointing

Lists = list[list[float]]


def boxes(width: int, height: int, seed: int, number: int = 2) -> Lists:
    chance = random.Random(seed)
    corners = [(chance.uniform(0, 0.8) * width, chance.uniform(0, 0.8) * height) for _ in range(number)]
    return [[x, y, x + 0.15 * width, y + 0.15 * height] for x, y in corners]


def scaled(places: Lists, width: int, height: int, scale: float) -> Lists:
    return [[value * scale / (width, height)[at % 2] for at, value in enumerate(place)] for place in places]


def asked(width: int, height: int, scale: float | None, kind: str = "bounding") -> list[Item]:
    """Eight questions whose answers are right on a scale; None: in pixels."""
    found = []
    for seed in range(8):
        true = boxes(width, height, seed)
        centres = [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in true]
        places = true if kind == "bounding" else centres
        said = places if scale is None else scaled(places, width, height, scale)
        known = {"item_id": str(seed), "image_size": (width, height)}
        found.append(
            bounding(true, said, **known) if kind == "bounding" else pointing(centres, said, boxes=true, **known)
        )
    return found


@pytest.mark.parametrize("kind", ["bounding", "pointing"])
@pytest.mark.parametrize("scale", [1, 100, 1000])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080), (96, 72)])
def test_a_scale_that_fits_is_found(width: int, height: int, scale: int, kind: str) -> None:
    found = find_scale(asked(width, height, scale, kind))
    assert found is not None
    assert (scale, False) == found[0]


@pytest.mark.parametrize("whole", [1, 1000])
def test_a_scale_of_the_longer_side_is_found(whole: int) -> None:
    """As models give it that see pictures padded to a square, from their upper left corner."""
    items = asked(640, 480, None)
    said = [[[value * whole / 640 for value in box] for box in one.truth.boxes] for one in items]
    known = [bounding(one.truth.boxes, boxes, image_size=(640, 480)) for one, boxes in zip(items, said, strict=True)]
    found = find_scale(known)
    assert found is not None
    assert ((whole, True), 1.0) == (found[0], pytest.approx(found[1], abs=0.01))
    assert str(found[0]).endswith("of the longer side")


@pytest.mark.parametrize("kind", ["bounding", "pointing"])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (1000, 1000), (1024, 1024), (99, 101)])
def test_pixels_are_pixels(width: int, height: int, kind: str) -> None:
    assert find_scale(asked(width, height, None, kind)) is None


def test_wrong_answers_are_no_other_scale() -> None:
    wrong = [bounding(boxes(640, 480, seed), boxes(640, 480, seed + 90), image_size=(640, 480)) for seed in range(40)]
    assert find_scale(wrong) is None


def test_a_few_answers_prove_nothing() -> None:
    assert find_scale(asked(640, 480, 1000)[:4]) is None
