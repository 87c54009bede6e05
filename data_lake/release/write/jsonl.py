"""Read and write the instructions of a release as JSON Lines, one file per split."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.write.files import FileEntry, HashingFile
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.jsonl import jsonl, read_jsonl

LINES_AT_ONCE = 5_000


def instructions_path(split: str) -> str:
    """Return the path of a split's instructions in a release and in an export."""
    return f"instructions/{split}.jsonl"


def write_instructions(path: Path, parts: Iterable[pl.DataFrame], *, name: str | None = None) -> FileEntry:
    """Write a JSONL file with the rows of one split, given in parts that follow each other; return its entry.

    ``name`` is its path in the release.
    """
    with HashingFile(path) as file:
        for part in in_order(parts):
            for chunk in part.iter_slices(LINES_AT_ONCE):
                file.write(b"".join(jsonl(chunk)))
    return file.entry(name or path.name)


def in_order(parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the parts, each sorted by instruction_id; DataError if one begins before the end of the one before it."""
    last = ""
    for part in parts:
        if part.is_empty():
            continue
        rows = part.sort("instruction_id")
        if rows["instruction_id"][0] < last:
            raise DataError(f"instruction {rows['instruction_id'][0]} comes after {last}. Please report this.")
        last = rows["instruction_id"][-1]
        yield rows


def read_instructions(path: Path) -> pl.DataFrame:
    """Return the rows of a JSONL file, with the split from its name; DataError names the file and the line."""
    try:
        with path.open("rb") as file:
            return read_jsonl(file).with_columns(pl.lit(path.stem).alias("split"))
    except DataError as error:
        raise DataError(f"{path.name}, {error}") from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}. Get the file again.") from error
