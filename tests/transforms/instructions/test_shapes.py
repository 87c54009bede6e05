"""Answers of a known text have the shape of their task."""

import json
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.instructions.all_tasks import TASKS
from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.answers.shapes import BOX, POINT, Shape, plain_pattern
from medmultipoints.transforms.instructions.proofs.reading import Wrong, find_plain, read_answer

COORDINATES = st.integers(-9999, 99999).map(lambda tenths: tenths / 10)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(0, 10**6),
    bool: st.booleans(),
    float: COORDINATES,
    POINT: st.lists(COORDINATES, min_size=2, max_size=2),
    BOX: st.lists(COORDINATES, min_size=4, max_size=4),
}


def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, dict):
        return st.tuples(*map(values_of, shape.values())).map(lambda parts: dict(zip(shape, parts, strict=True)))
    return st.lists(values_of(shape[0]), max_size=3) if isinstance(shape, list) else LEAVES[shape]


def is_plain(task: str, answer: str) -> bool:
    rows = pl.DataFrame({"row": [0], "task": [task], "answer": [answer]})
    return bool(find_plain(rows, {task: TASKS[task].shape})["plain"].item())


@given(st.data(), st.sampled_from(sorted(TASKS)))
def test_answers_as_they_are_written_are_plain(data: st.DataObject, task: str) -> None:
    value = data.draw(values_of(TASKS[task].shape))
    answer = write_fenced(json.dumps(value, ensure_ascii=False))
    assert is_plain(task, answer)
    assert read_answer(answer, TASKS[task].shape, plain=True) == value


@given(st.data(), st.sampled_from(sorted(TASKS)))
def test_whatever_is_plain_would_be_read_without_knowing_it(data: st.DataObject, task: str) -> None:
    text = json.dumps(data.draw(values_of(TASKS[task].shape)))
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 3))
    edited = (
        text[:at]
        + data.draw(st.sampled_from(["", "0", ".", "1", ", ", "[", "]", '"', "true", "-", "null"]))
        + text[at + cut :]
    )
    answer = write_fenced(edited)
    if is_plain(task, answer):
        assert outcome_of(answer, task, plain=True) == outcome_of(answer, task, plain=False)


def outcome_of(answer: str, task: str, *, plain: bool) -> Any:
    try:
        return read_answer(answer, TASKS[task].shape, plain=plain)
    except Wrong as wrong:
        return str(wrong)


@pytest.mark.parametrize(
    "block",
    [
        '{"counts": 1, "counts": 1, "label": "polyp"}',
        '{"label": "polyp", "counts": 1}',
        '{"counts": 1.0, "label": "polyp"}',
        '{"counts": 01, "label": "polyp"}',
        '{"counts": -1, "label": "polyp"}',
        '{"counts": true, "label": "polyp"}',
        '{"counts": 1, "label": null}',
    ],
)
def test_another_shape_is_not_plain_and_wrong(block: str) -> None:
    answer = write_fenced(block)
    assert not is_plain("counting", answer)
    with pytest.raises(Wrong, match="answer_shape_differs"):
        read_answer(answer, TASKS["counting"].shape)


def test_a_list_may_be_empty() -> None:
    assert re.fullmatch(plain_pattern([BOX]), "[]")
