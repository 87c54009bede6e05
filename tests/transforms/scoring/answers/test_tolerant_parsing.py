"""Answers read generously, and why some cannot be read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.scoring.answers.items import PARTS, Places
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant
from tests.transforms.scoring.questions import fenced, truth

POINTS: Places = ((1.0, 2.0), (3.0, 4.0))
LIST = '[{"point_2d": [1, 2], "label": "x"}, {"point_2d": [3, 4]}]'


@pytest.mark.parametrize(
    "response",
    [
        f"```json\n{LIST}\n```",
        f"```\n{LIST}\n```",
        f"```json\n{LIST}",
        LIST,
        f"I see [two] of them {{here}}: {LIST} I hope this helps.",
        "[[1, 2], [3, 4]]",
        '{"point_2d": [[1, 2], [3, 4]]}',
        '{"points": [[1, 2], [3, 4],], }',
        '[{"x": 1, "y": 2}, {"x": 3, "y": 4}]',
        '[{"point": [1, 2]}, {"label": "no place"}, {"point": [3, 4]}]',
        'There are [2] of them: {"point_2d": [[1, 2], [3, 4]]}',
        '<points x1="10" y1="20" x2="30" y2="40" alt="x">x</points>',
        'Counting the <points x1="10" y1="20" x2="30" y2="40" alt="x">x</points> shows a total of 2.',
        '<point x="10" y="20" alt="x">x</point>, <point x="30" y="40" alt="x">x</point>',
    ],
)
def test_points_are_read_in_every_usual_form(response: str) -> None:
    """Fenced, bare, with text around, as lists, dicts, flat, nested, and as Molmo writes them in percent."""
    found = read_tolerant(truth("pointing", image_size=(10, 10)), response)
    assert (found.failure, found.points) == ("", POINTS)


@pytest.mark.parametrize(
    ("response", "count"),
    [
        ('{"counts": 3}', 3),
        ('{"count": 3}', 3),
        ('{"Total_Count": "3"}', 3),
        ('{"count": 3.0}', 3),
        ('[{"count": 3, "label": "x"}]', 3),
        ("3", 3),
        (" 3. ", 3),
        ("```json\n3\n```", 3),
        ('[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [1, 2, 3, 4]}]', 2),
        ('{"bbox_2d": [[1, 2, 3, 4], [1, 2, 3, 4]]}', 2),
        ('{"bbox_2d": [1, 2, 3, 4]}', 1),
        ('{"point_2d": [1, 2]}', 1),
        ('[{"bbox_2d": [[1, 2, 3, 4], [1, 2, 3, 4]]}]', 2),
        ("[1, 2, 3, 4]", 1),
        ("[[]]", 0),
        ('[{"label": "x", "count": 5}, {"label": "y", "count": 1}]', 5),
        ('[{"label": "x"}, {"label": "x"}]', 2),
        ("[]", 0),
        ("There are none.", 0),
        ('Counting the <points x1="1" y1="2" x2="3" y2="4">x</points> shows a total of 2.', 2),
    ],
)
def test_counts_are_read_in_every_usual_form(response: str, count: int) -> None:
    """A number under a key with count in it, else how many are listed."""
    found = read_tolerant(truth("counting", count=1), response)
    assert ("", count) == (found.failure, found.count)


@pytest.mark.parametrize(
    "response", [fenced({"counts": 2, "bbox_2d": [[1, 2, 3, 4]]}), '{"count": 2, "boxes": [1, 2, 3, 4]}']
)
def test_the_stated_count_goes_before_the_number_of_boxes(response: str) -> None:
    """What the model says it counted is what is scored."""
    found = read_tolerant(truth("count_and_box"), response)
    assert (found.count, found.boxes, found.failure) == (2, ((1.0, 2.0, 3.0, 4.0),), "")


@pytest.mark.parametrize(
    ("response", "count"),
    [
        ("[1, 2]", 1),
        ('[{"point_2d": [[1, 2], [3, 4]]}]', 2),
        ("[[[1, 2], [3, 4], [5, 6]]]", 3),
        ('[{"point_2d": []}]', 0),
    ],
)
def test_without_a_stated_count_the_places_that_were_read_count(response: str, count: int) -> None:
    """Never the numbers of a place, nor the entries that hold several."""
    found = read_tolerant(truth("cnt_and_point"), response)
    assert (found.count, len(found.points or ()), found.failure) == (count, count, "")


@pytest.mark.parametrize(
    "response", ["[]", fenced([]), '{"counts": 0}', '{"counts": 0, "point_2d": []}', "There are none."]
)
def test_none_is_an_answer(response: str) -> None:
    """Nothing found is said, not missing."""
    found = read_tolerant(truth("cnt_and_point"), response)
    assert (found.count, found.points, found.failure) == (0, (), "")


@pytest.mark.parametrize(
    ("task", "response", "reason"),
    [
        ("pointing", "  ", "empty"),
        ("pointing", "I cannot help with that.", "no_json"),
        ("cnt_and_point", '```json\n{"counts": 1, "point_2d": [[1.0, 2.0], "label": "x"}\n```', "broken_json"),
        ("bounding", '[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [1, 2', "broken_json"),
        ("bounding", '[{"bbox_2d": [1, 2, 3, NaN]}]', "broken_json"),
        ("pointing", "[" * 100_000, "broken_json"),
        ("counting", '{"label": "x"}', "count_missing"),
        ("counting", '{"counts": -1}', "bad_count"),
        ("counting", '{"counts": true}', "bad_count"),
        ("counting", '{"counts": 1e300}', "bad_count"),
        ("counting", '{"counts": "many"}', "bad_count"),
        ("pointing", '[{"bbox_2d": [1, 2, 3, 4]}]', "points_missing"),
        ("bounding", '[{"point_2d": [1, 2]}]', "boxes_missing"),
        ("bounding", '<point x="1" y="2">x</point>', "boxes_missing"),
        ("pointing", '[{"point_2d": [1, 2, 3]}]', "bad_points"),
        ("pointing", '[{"point_2d": [1, 1e400]}]', "bad_points"),
        ("bounding", '[{"bbox_2d": "1 2 3 4"}]', "bad_boxes"),
        ("pointing", '<point x="529" y="60">x</point>', "bad_points"),
        ("pointing", '<points x1="-5" y1="60" x2="5" y2="60">x</points>', "bad_points"),
        ("pointing", '<point x="52" y="60">x</point>', "size_unknown"),
        ("counting", "I would mark it with <point>.", "count_missing"),
        ("count_and_box", "<points>", "boxes_missing"),
    ],
)
def test_what_cannot_be_read_has_a_reason(task: str, response: str, reason: str) -> None:
    """One reason an answer; nothing is guessed."""
    assert reason == read_tolerant(truth(task), response).failure


@given(st.sampled_from(list(PARTS)), st.text() | st.text(alphabet='[]{}",:0123.ecountspi_2dbx`json\n<>=y '))
def test_no_text_breaks_the_parser(task: str, response: str) -> None:
    """Whatever a model writes is read, or has a reason why not."""
    found = read_tolerant(truth(task, image_size=(10, 10)), response)
    read = {"count": found.count, "points": found.points, "boxes": found.boxes}
    assert found.failure or all(read[part] is not None for part in PARTS[task])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["counts", "count", "point_2d", "bbox_2d", "x", "y"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.sampled_from(list(PARTS)), JSON_VALUES)
def test_no_json_breaks_the_parser(task: str, value: object) -> None:
    """Any value under any key is read, or has a reason why not; what is read is well-formed."""
    found = read_tolerant(truth(task, image_size=(10, 10)), json.dumps(value))
    assert all(len(point) == 2 for point in found.points or ())
    assert all(len(box) == 4 for box in found.boxes or ())
    assert found.count is None or found.count >= 0
