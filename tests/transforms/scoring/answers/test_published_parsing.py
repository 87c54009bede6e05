"""Answers read with the quirks of the published evaluation."""

from typing import Any

import pytest

from medmultipoints.transforms.scoring.answers.published_parsing import read_block, read_published
from tests.transforms.scoring.questions import fenced


def test_only_the_first_fenced_json_block_is_read_in_any_case() -> None:
    """``JSON`` is as good as ``json``; a second block, bare JSON and another language are not read."""
    assert read_block("so: ```JSON\n[1]\n``` and ```json\n[2]\n```") == ([1], True)
    for text in ("[1]", "```\n[1]\n```", "```python\n[1]\n```", "```json\n[1,\n```", ""):
        assert read_block(text) == ([], False)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ({"counts": 3}, 3),
        ({"count": 3}, 3),
        ({"sperm_count": 3, "label": "x"}, 3),
        ({"count": 3, "recount": 4}, 4),
        ({"Count": 3}, 0),
        ({"count": "3"}, 0),
        ({"count": 3.0}, 0),
        ({"n": 3}, 0),
        ([{"counts": 3}, {"counts": 9}], 3),
        ([{"bbox_2d": [1, 2, 3, 4], "count": 7}, {}], 2),
        ([{"point_2d": [1, 2]}], 1),
        ([{"label": "x"}], 0),
        ([], 0),
        ([3], 0),
        (3, 0),
    ],
)
def test_a_count_is_the_integer_under_a_key_with_count_in_it(value: Any, count: int) -> None:
    """Of a dict or of a list's first entry; a list of places counts by its length; anything else is 0."""
    assert count == read_published("counting", fenced(value)).count


@pytest.mark.parametrize(
    ("value", "count", "points"),
    [
        ({"counts": 2, "point_2d": [[1, 2]]}, 2, ((1.0, 2.0),)),
        ({"count": 2, "point_2d": [[1, 2]]}, 0, ((1.0, 2.0),)),
        ({"counts": 2}, 2, ()),
        ({"counts": 2, "point_2d": None}, 2, ()),
        ({"counts": 2, "point_2d": [[]]}, 2, ()),
        ([{"point_2d": [1, 2]}, {"point_2d": [3, 4]}], 2, ((1.0, 2.0), (3.0, 4.0))),
        ([[]], 0, ()),
        ([], 0, ()),
    ],
)
def test_a_combined_answer_needs_the_key_counts(value: Any, count: int, points: tuple[tuple[float, ...], ...]) -> None:
    """``count`` is not ``counts``: 0; a list counts by its length."""
    found = read_published("cnt_and_point", fenced(value))
    assert (count, points, False) == (found.count, found.points, found.stopped)


@pytest.mark.parametrize(
    ("task", "value"),
    [
        ("pointing", [[1, 2]]),
        ("pointing", [{"point_2d": [1, 2]}, {"point_2d": [1]}]),
        ("pointing", 3),
        ("bounding", [{"label": "x"}]),
        ("bounding", [{"bbox_2d": [1, 2, 3, None]}]),
        ("count_and_box", [{"label": "x"}, {"label": "x"}]),
        ("counting", ["x"]),
        ("counting", 0),
        ("counting", None),
        ("counting", [{"label": "x"}]),
        ("cnt_and_point", {"counts": "2", "point_2d": []}),
        ("cnt_and_point", {"counts": 2, "point_2d": [1, 2]}),
        ("counting", {"counts": 10**400}),
    ],
)
def test_what_would_stop_the_published_program_is_told_and_empty(task: str, value: Any) -> None:
    """One odd line costs its own part, not the evaluation."""
    found = read_published(task, fenced(value))
    assert found.stopped
    assert (found.points, found.boxes) == ((), ())


@pytest.mark.parametrize("value", [{"counts": 1, "bbox_2d": [[]]}, {"counts": 1, "bbox_2d": None}, [{"label": "x"}]])
def test_one_empty_box_of_a_combined_answer_is_none_and_stops_nothing(value: Any) -> None:
    """The published program replaces it before it counts."""
    found = read_published("count_and_box", fenced(value))
    assert (found.count, found.boxes, found.stopped) == (1, (), False)


def test_one_object_is_a_list_of_one() -> None:
    """A dict answers a pointing question as well as a list."""
    assert read_published("pointing", fenced({"point_2d": [1, 2]})).points == ((1.0, 2.0),)
