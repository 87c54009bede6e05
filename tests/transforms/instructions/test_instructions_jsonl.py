"""Lines are canonical and read back; a broken line is named."""

import orjson
import polars as pl
import pytest

from transforms.errors import DataError
from transforms.instructions.jsonl import COLUMNS, jsonl, jsonl_line, read_jsonl

ROW = dict(
    zip(
        COLUMNS, ("r:counting", "r", "images/x.jpg", "a-class", "counting", "<image> How many?", "```json"), strict=True
    )
)


def test_a_line_is_these_bytes() -> None:
    """Keys in the published order, then the two ids; no spaces."""
    assert jsonl_line(ROW) == (
        b'{"messages":[{"role":"user","content":"<image> How many?","task":"counting","source":"a-class"},'
        b'{"role":"assistant","content":"```json"}],"images":["images/x.jpg"],'
        b'"instruction_id":"r:counting","record_id":"r"}'
    )


def test_lines_are_sorted_and_read_back() -> None:
    """Whatever the order of the table, the file is sorted by id, one line break a row."""
    frame = pl.DataFrame([ROW | {"instruction_id": key} for key in ("c", "a", "b")])

    lines = list(jsonl(frame))

    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert frame.select(COLUMNS).sort("instruction_id").equals(read_jsonl(lines))


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"{}", orjson.dumps({"messages": []}), b'{"messages":[{},{}],"images":[1]}']
)
def test_a_line_that_is_no_instruction_is_named(line: bytes) -> None:
    """The message has the number of the line."""
    with pytest.raises(DataError, match="line 2 is not an instruction"):
        read_jsonl([jsonl_line(ROW), line])


def test_a_value_that_is_not_text_is_named() -> None:
    """A number where text belongs is refused with the number of the line."""
    with pytest.raises(DataError, match="line 1 holds a value that is not text"):
        read_jsonl([jsonl_line(ROW).replace(b'"r"', b"1")])
