"""Lines are canonical and read back; a broken line is named."""

import orjson
import polars as pl
import pytest

from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.jsonl import COLUMNS, SCHEMA, jsonl, jsonl_line, read_jsonl

ROW = {
    "instruction_id": "r:counting",
    "record_id": "r",
    "image_file": "images/x.jpg",
    "image_files": ["images/x.jpg"],
    "classification": "a-class",
    "task": "counting",
    "prompt": "<image> How many?",
    "answer": "```json",
    "object_ids": [],
}


def test_a_line_is_these_bytes() -> None:
    """Keys in the published order, then the two ids; no spaces."""
    assert jsonl_line(ROW) == (
        b'{"messages":[{"role":"user","content":"<image> How many?","task":"counting","source":"a-class"},'
        b'{"role":"assistant","content":"```json"}],"images":["images/x.jpg"],'
        b'"instruction_id":"r:counting","record_id":"r"}'
    )


def test_lines_are_sorted_and_read_back() -> None:
    """Whatever the order of the table, the file is sorted by id, one line break a row."""
    frame = pl.DataFrame([ROW | {"instruction_id": key} for key in ("c", "a", "b")], schema=SCHEMA)

    lines = list(jsonl(frame))

    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert frame.select(COLUMNS).sort("instruction_id").equals(read_jsonl(lines))


def test_several_images_stand_in_order_and_the_record_says_which_is_its_own() -> None:
    """Images keep the order of their placeholders; the image of the record is found by its hash."""
    row = ROW | {
        "record_id": "bb:normal",
        "image_file": "images/bb.jpg",
        "image_files": ["images/aa.jpg", "images/bb.jpg"],
    }
    row |= {"object_ids": ["bb:normal:3"]}

    line = jsonl_line(row)

    assert b'"images":["images/aa.jpg","images/bb.jpg"]' in line
    assert line.endswith(b'"object_ids":["bb:normal:3"]}')
    assert read_jsonl([line]).row(0, named=True) == row


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


def test_a_crop_is_never_taken_for_the_image_of_the_record() -> None:
    """Its path holds the sha256 of the image as well; wherever it stands, the image is the other."""
    sha256 = "a" * 64
    image, crop = f"images/{sha256}.jpg", f"images/{sha256}.crop.0.0.30.30.png"
    for files in ([image, crop], [crop, image]):
        row = ROW | {"record_id": f"{sha256}:polyps", "image_file": image, "image_files": files}
        assert read_jsonl([jsonl_line(row)]).row(0, named=True) == {name: row[name] for name in COLUMNS}
