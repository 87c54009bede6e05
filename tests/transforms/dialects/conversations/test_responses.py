"""A model's response in a dialect comes back as an answer of the release."""

import json

import pytest
from hypothesis import given

from medmultipoints.transforms.dialects.conversations.answers import read_content, read_facts
from medmultipoints.transforms.dialects.conversations.responses import restore_numbers
from medmultipoints.transforms.dialects.frames import THOUSAND
from medmultipoints.transforms.dialects.items import Item
from medmultipoints.transforms.dialects.registry import Conversation
from medmultipoints.transforms.scoring.answers.items import PARTS, Truth
from medmultipoints.transforms.scoring.answers.published_parsing import read_published
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant
from tests.transforms.dialects.samples import SIZE, item, items
from tests.transforms.dialects.test_conversations import ANSWERED, FORMS, FRAMES, stated

RESTORED = {name: form for name, form in FORMS.items() if form.restore}


def response_to(one: Item, form: Conversation) -> str:
    """What a model says that has learnt the export by heart."""
    line = form.encode(one)
    if "suffix" in line:
        return str(line["suffix"])
    turn = (line.get("messages") or line.get("completion") or line["conversations"])[-1]
    return str(turn.get("content", turn.get("value")))


def restore(name: str, one: Item, response: str) -> str:
    """The response as an answer of the release."""
    to_answer = RESTORED[name].restore
    assert to_answer is not None
    return to_answer(one, response)


def test_only_placeholders_leave_the_form_to_the_model() -> None:
    """ms-swift fills them in the frame of each model."""
    assert FORMS.keys() - RESTORED.keys() == {"swift-objects"}


@pytest.mark.parametrize("name", RESTORED)
@given(one=items())
def test_true_answers_come_back_as_answers_of_the_task(name: str, one: Item) -> None:
    """With its keys and names, within two steps; both parsers read them, and find the same."""
    if one.task not in ANSWERED[name]:
        return
    answer = restore(name, one, response_to(one, RESTORED[name]))
    back, wanted = read_facts(read_content(answer)), stated(one, name)
    assert [mark.name for mark in back.marks] == [mark.name for mark in wanted.marks if one.task != "counting"]
    steps = FRAMES[name].step(one.size)
    for found, mark in zip(back.marks, wanted.marks, strict=one.task != "counting"):
        for place, (number, expected) in enumerate(zip(found.numbers, mark.numbers, strict=True)):
            assert abs(number - expected) <= 2 * steps[place % 2] + 1e-6
    tolerant = read_tolerant(Truth("a", one.task, PARTS[one.task], 0), answer)
    published = read_published(one.task, answer)
    assert (tolerant.failure, published.readable, published.stopped) == ("", True, False)
    assert (tolerant.points or (), tolerant.boxes or ()) == (published.points, published.boxes)
    assert (
        "count" not in PARTS[one.task]
        or tolerant.count == published.count == read_facts(read_content(one.answer)).count
    )


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ('{"bbox_2d": [0, 500,1000 , 250],}', '{"bbox_2d": [0.0, 264.5, 622.0, 132.25],}'),
        ("Here: ```\n[[500, 500], [1e3, 0.5]]", "Here: ```\n[[311.0, 264.5], [622.0, 0.2645]]"),
        ('[{"x": 500, "y" :1000}]', '[{"x": 311.0, "y" :529.0}]'),
        ('{"counts": 12, "point_2d": [[1, 2, 3], ["4", 5], [01, 2]]}', None),
        ("[1e308, 1e308, 1e999, -1e308]", None),
        ("There are 5 of them, (12, 30) is one.", None),
        ("", None),
    ],
)
def test_numbers_change_and_nothing_else(response: str, answer: str | None) -> None:
    """So a parser still sees what is wrong with a text."""
    assert restore_numbers(response, THOUSAND, SIZE) == (response if answer is None else answer)


@pytest.mark.parametrize(
    ("name", "task", "response", "content"),
    [
        ("molmo", "pointing", " There are none.\n", []),
        ("molmo", "pointing", '<point x="5" y="9" alt="a">a</point> <point x="0" y="0" alt="b">b</point>', ["a", "b"]),
        ("molmo", "pointing", '<points x1="50.0" y1="100" x2="5" alt="a">a</points>', None),
        ("molmo", "counting", "There are none.", {"counts": 0}),
        ("paligemma", "bounding", "", []),
        ("paligemma", "bounding", "<loc0000><loc0000><loc1023><loc1023> polyp<eos>", ["polyp"]),
        ("paligemma", "bounding", "<loc0000><loc0000><loc1023> polyp", None),
        ("paligemma", "counting", "3", {"counts": 3}),
        ("paligemma", "counting", "three", None),
        ("florence2", "bounding", "</s><s>polyp<loc_0><loc_0><loc_999><loc_999></s>", ["polyp"]),
        ("florence2", "bounding", "polyp", None),
    ],
)
def test_tokens_are_read_and_what_cannot_be_stays(name: str, task: str, response: str, content: object) -> None:
    """An unread response is given on to the parsers, which count it as unread."""
    answer = restore(name, item(task), response)
    if content is None:
        assert answer == response
        assert read_tolerant(Truth("a", task, PARTS[task], 1), answer).failure
        return
    found = read_content(answer)
    assert (found if not found or isinstance(found, dict) else [entry["label"] for entry in found]) == content
    assert json.dumps(found)
