"""Instructions as JSON Lines, in the shape of the published files, and back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
import polars as pl

from transforms.errors import DataError

COLUMNS: Final = ("instruction_id", "record_id", "image_file", "classification", "task", "prompt", "answer")


def jsonl_line(row: Mapping[str, Any]) -> bytes:
    """One instruction as a line of canonical JSON: fixed key order, no spaces, no line break at the end."""
    user = {"role": "user", "content": row["prompt"], "task": row["task"], "source": row["classification"]}
    assistant = {"role": "assistant", "content": row["answer"]}
    line = {"messages": [user, assistant], "images": [row["image_file"]]}
    return orjson.dumps(line | {"instruction_id": row["instruction_id"], "record_id": row["record_id"]})


def jsonl(instructions: pl.DataFrame) -> Iterator[bytes]:
    """The lines of a JSON Lines file, each with its line break, sorted by instruction_id."""
    for row in instructions.select(COLUMNS).sort("instruction_id").iter_rows(named=True):
        yield jsonl_line(row) + b"\n"


def read_jsonl(lines: Iterable[bytes]) -> pl.DataFrame:
    """The columns that such a file holds, one row per line, in the file's order: enough to check each answer.

    DataError names the line (from 1) that is not an instruction.
    """
    rows = [_read_line(number, line) for number, line in enumerate(lines, start=1)]
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def _read_line(number: int, line: bytes) -> tuple[str, ...]:
    try:
        content = orjson.loads(line)
        user, assistant = content["messages"]
        (image,) = content["images"]
        ids = (content["instruction_id"], content["record_id"])
        row = (*ids, image, user["source"], user["task"], user["content"], assistant["content"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"line {number} is not an instruction ({error}). Restore the file from its release.") from error
    if not all(isinstance(value, str) for value in row):
        raise DataError(f"line {number} holds a value that is not text. Restore the file from its release.")
    return row
