"""Read and write the instructions of a release as JSON Lines, one file per split."""

from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.write.files import FileEntry, HashingFile
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.jsonl import jsonl, read_jsonl

LINES_AT_ONCE = 5_000


def instructions_path(split: str) -> str:
    """Return the path of a split's instructions in a release and in an export."""
    return f"instructions/{split}.jsonl"


def write_instructions(path: Path, instructions: pl.DataFrame, *, name: str | None = None) -> FileEntry:
    """Write a JSONL file with these rows, sorted by instruction_id; return its entry.

    ``name`` is its path in the release.
    """
    with HashingFile(path) as file:
        for chunk in instructions.sort("instruction_id").iter_slices(LINES_AT_ONCE):
            file.write(b"".join(jsonl(chunk)))
    return file.entry(name or path.name)


def read_instructions(path: Path) -> pl.DataFrame:
    """Return the rows of a JSONL file, with the split from its name; DataError names the file and the line."""
    try:
        with path.open("rb") as file:
            return read_jsonl(file).with_columns(pl.lit(path.stem).alias("split"))
    except DataError as error:
        raise DataError(f"{path.name}, {error}") from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}. Get the file again.") from error
