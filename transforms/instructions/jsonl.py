"""Write and read instructions as JSON Lines, in the form of the published files."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
import polars as pl

from medmultipoints.transforms.columns.tables import column_names, schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.crops import read_crop

COLUMNS: Final = column_names("instructions", "line")
SCHEMA: Final = {name: schema_of("instructions")[name] for name in COLUMNS}


def jsonl_line(row: Mapping[str, Any]) -> bytes:
    """Return one instruction as a line of canonical JSON: fixed key order, no spaces, no line break at the end.

    ``images`` are in the order of their placeholders; ``object_ids`` are present only if the answer does not refer to
    all objects of the record.
    """
    user = {"role": "user", "content": row["prompt"], "task": row["task"], "source": row["classification"]}
    assistant = {"role": "assistant", "content": row["answer"]}
    line = {"messages": [user, assistant], "images": row["image_files"]}
    line |= {"instruction_id": row["instruction_id"], "record_id": row["record_id"]}
    return orjson.dumps(line | ({"object_ids": row["object_ids"]} if row["object_ids"] else {}))


def jsonl(instructions: pl.DataFrame) -> Iterator[bytes]:
    """Yield the lines of a JSON Lines file with line breaks, sorted by instruction_id."""
    for row in instructions.select(COLUMNS).sort("instruction_id").iter_rows(named=True):
        yield jsonl_line(row) + b"\n"


def read_jsonl(lines: Iterable[bytes]) -> pl.DataFrame:
    """Return the columns of a JSON Lines file, one row per line, in file order; they suffice to check each answer.

    ``image_file`` is the image of the record. Raise DataError, with the line number (from 1), if a line is not an
    instruction.
    """
    rows = [_read_line(number, line) for number, line in enumerate(lines, start=1)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _read_line(number: int, line: bytes) -> tuple[str | list[str], ...]:
    try:
        content = orjson.loads(line)
        user, assistant = content["messages"]
        images, objects = content["images"], content.get("object_ids", [])
        record_id = content["record_id"]
        home = images[0] if len(images) == 1 else _of_record(images, record_id)
        texts = (content["instruction_id"], record_id, home, user["source"], user["task"], user["content"])
        row = (*texts[:3], images, *texts[3:], assistant["content"], objects)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"line {number} is not an instruction ({error}). Restore the file from its release.") from error
    if not all(isinstance(value, str) for value in (*texts, assistant["content"], *images, *objects)):
        raise DataError(f"line {number} holds a value that is not text. Restore the file from its release.")
    return row


def _of_record(images: list[str], record_id: str) -> str:
    found = [file for file in images if record_id.partition(":")[0] in file and read_crop(file) is None]
    if len(found) != 1:
        raise ValueError("expected exactly one image of its record")
    return found[0]
