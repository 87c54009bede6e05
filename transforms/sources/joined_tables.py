"""Join tables of facts, such as ``patients.csv``, with the pictures of a source."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from medmultipoints.transforms.errors import MemberProblem, SourceDataError
from medmultipoints.transforms.sources.annotated import Files
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.parts import TableKeys
from medmultipoints.transforms.sources.reading.listing import listed, matching
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.records.table_columns import Row, find_dialect, text_rows
from medmultipoints.transforms.sources.reading.records.table_rows import table_rows

_LEAST: Final = 2
"""Columns of the smallest table: what identifies a picture, and a fact."""


@dataclass(frozen=True, slots=True)
class JoinedTable:
    """Facts by the joining column's value, ``rows``, and by the picture that the value names, ``members``."""

    on: str
    rows: Mapping[str, Row]
    members: Mapping[str, Row]

    def row(self, member: str, holes: Row) -> Row:
        """Return the facts of a picture: those of the hole named like the column, else those of the picture's name."""
        own = self.rows.get(holes.get(self.on, ""))
        return own if own is not None else self.members.get(member) or self.rows.get(holes.get("name", ""), {})


def read_tables(source: str, declaration: Declaration, files: Files) -> dict[str, JoinedTable]:
    """Return the tables that a declaration joins. Raise SourceDataError for one that cannot be read."""
    if not declaration.tables:
        return {}
    listing = listed(files)
    index = PictureIndex(matching((*listing.pictures, *listing.of("dicom")), declaration.images))
    return {name: _join(source, name, keys, files, index) for name, keys in declaration.tables.items()}


def _join(source: str, name: str, keys: TableKeys, files: Files, index: PictureIndex) -> JoinedTable:
    listing = listed(files)
    if keys.file not in listing.kinds:
        raise SourceDataError(source, keys.file, "the file is missing", f"Correct read.tables.{name}.file.")
    rows = _agreed(source, name, keys, files) if keys.shape is None else _invert(source, name, keys, files)
    named = ((index.find(value, keys.file).member, row) for value, row in rows.items())
    return JoinedTable(keys.hole, rows, {member: row for member, row in named if member is not None})


def _agreed(source: str, name: str, keys: TableKeys, files: Files) -> Mapping[str, Row]:
    """Return the row of each value of the joining column, without columns in which its rows differ."""
    found: dict[str, dict[str, str]] = {}
    for row in _rows(source, keys, files):
        if keys.hole not in row:
            said = f"no column {keys.hole!r}; it has {', '.join(row)}"
            raise SourceDataError(source, keys.file, said, f"Correct read.tables.{name}.on.")
        first = found.setdefault(row[keys.hole], dict(row))
        for column in [column for column, value in first.items() if row.get(column) != value]:
            first[column] = ""
    return found


def _rows(source: str, keys: TableKeys, files: Files) -> Iterable[Row]:
    listing = listed(files)
    found = find_dialect(listing.head(keys.file), _LEAST) if listing.kinds[keys.file] == "text" else None
    try:
        if found is not None and keys.delimiter is not None:
            found = replace(found, delimiter=keys.delimiter)
        rows = table_rows(listing, keys.file, _LEAST) if found is None else text_rows(listing, keys.file, found)
        held = [row for _, row in rows]
    except MemberProblem as problem:
        raise SourceDataError(source, problem.reason, problem.detail, "Correct the table.") from problem
    if not held:
        said = f"not a table with a header and at least {_LEAST} columns"
        raise SourceDataError(source, keys.file, said, "Save it as CSV in UTF-8, or as Parquet.")
    return held


def _invert(source: str, name: str, keys: TableKeys, files: Files) -> dict[str, Row]:
    """Return a row per entry of a JSON object of lists: ``{"train": ["a"]}`` becomes a -> {"split": "train"}."""
    column = (keys.shape or "").partition("->")[0].strip() or "split"
    try:
        loaded = json.loads(files.read(keys.file))
        return {str(entry): {column: str(value)} for value, entries in loaded.items() for entry in entries}
    except MemberProblem as problem:
        raise SourceDataError(source, problem.reason, problem.detail, "Get that file again.") from problem
    except (ValueError, AttributeError, TypeError) as error:
        said = f"not a JSON object of lists: {error}"
        raise SourceDataError(source, keys.file, said, f"Correct read.tables.{name}.shape.") from error
