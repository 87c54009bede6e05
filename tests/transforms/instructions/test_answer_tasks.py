"""Answers have the published shapes, keys and white space, to the byte."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.instructions.all_tasks import TASKS
from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.answers.published import PUBLISHED, Objects, answer_json, round_place
from medmultipoints.transforms.instructions.proofs.reading import read_answer


def answer_text(task: str, objects: Objects) -> str:
    """The answer of a published task."""
    return write_fenced(answer_json(task, objects))


TWO = Objects(
    "polyp", 2, [[366.0, 252.9], [1.5, 2.0]], [[241.5364532470703, 21.875, 490.5, 484.0], [1.0, 1.0, 2.0, 3.0]]
)
NONE = Objects("polyp", 0, [], [])


@pytest.mark.parametrize(
    ("task", "objects", "expected"),
    [
        (
            "pointing",
            TWO,
            '[{"point_2d": [366.0, 252.9], "label": "polyp"}, {"point_2d": [1.5, 2.0], "label": "polyp"}]',
        ),
        (
            "bounding",
            TWO,
            (
                '[{"bbox_2d": [241.5364532470703, 21.875, 490.5, 484.0], "label": "polyp"}, '
                '{"bbox_2d": [1.0, 1.0, 2.0, 3.0], "label": "polyp"}]'
            ),
        ),
        ("counting", TWO, '{"counts": 2, "label": "polyp"}'),
        ("cnt_and_point", TWO, '{"counts": 2, "point_2d": [[366.0, 252.9], [1.5, 2.0]], "label": "polyp"}'),
        (
            "count_and_box",
            TWO,
            (
                '{"counts": 2, "bbox_2d": [[241.5364532470703, 21.875, 490.5, 484.0], [1.0, 1.0, 2.0, 3.0]], '
                '"label": "polyp"}'
            ),
        ),
        ("pointing", NONE, "[]"),
        ("bounding", NONE, "[]"),
        ("counting", NONE, '{"counts": 0, "label": "polyp"}'),
        ("cnt_and_point", NONE, '{"counts": 0, "point_2d": [], "label": "polyp"}'),
        ("count_and_box", NONE, '{"counts": 0, "bbox_2d": [], "label": "polyp"}'),
    ],
)
def test_answers_are_these_bytes(task: str, objects: Objects, expected: str) -> None:
    """Golden text of each task, with objects and without."""
    assert f"```json\n{expected}\n```" == answer_text(task, objects)


def test_the_five_published_tasks_exist() -> None:
    """Tasks in published order."""
    assert PUBLISHED == ("pointing", "bounding", "counting", "cnt_and_point", "count_and_box")


@given(st.floats(0, 5000, width=32), st.floats(0, 5000, width=32))
def test_points_are_rounded_to_a_tenth(x: float, y: float) -> None:
    """A rounded point is within 0.05 px and prints with one decimal at most."""
    rounded = round_place([x, y])

    assert all(abs(a - b) <= 0.05 + 1e-9 for a, b in zip(rounded, (x, y), strict=True))
    assert all(len(json.dumps(value).split(".")[1]) == 1 for value in rounded)


def test_no_negative_zero() -> None:
    """A coordinate just below zero reads 0.0."""
    assert json.dumps(round_place([-0.04, 0.04])) == "[0.0, 0.0]"


@given(st.lists(st.tuples(*[st.floats(0, 5000, width=32)] * 4), max_size=5))
def test_boxes_read_back_as_the_same_float32(boxes: list[tuple[float, ...]]) -> None:
    """What is printed is what the record holds, bit by bit."""
    text = answer_text("count_and_box", Objects("polyp", len(boxes), [], boxes))
    stated = read_answer(text, TASKS["count_and_box"].shape)

    assert stated["counts"] == len(boxes)
    assert np.array_equal(np.array(stated["bbox_2d"], np.float32), np.array([list(box) for box in boxes], np.float32))
