"""Stream the rows of CSV and Parquet tables, and unpivot wide tables to one row per object."""

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.records.table_columns import (
    UNEVEN,
    Row,
    as_cells,
    find_dialect,
    is_empty,
    text_rows,
)

NUMBER: Final = "{n}"
"""Placeholder for the object's number in column names of wide tables: ``xmin_{n}``."""


def find_tables(listing: Listing, least: int = 3) -> Iterator[str]:
    """Yield the members that are tables: text files with at least ``least`` columns, and Parquet without pictures."""
    for name in listing.of("text", "parquet"):
        if listing.kinds[name] == "text":
            head = listing.head(name)
            if head[:1] in (b"{", b"[", b"<") or find_dialect(head, least) is None:
                continue
        elif not _is_plain_parquet(listing, name):
            continue
        yield name


def _is_plain_parquet(listing: Listing, name: str) -> bool:
    """Return whether a Parquet file holds plain cells; those with pictures belong to the Hugging Face format."""
    try:
        schema = pq.read_schema(io.BytesIO(listing.read(name)))
    except (pa.ArrowException, OSError, ValueError):
        return False
    return not any(pa.types.is_struct(column.type) or pa.types.is_binary(column.type) for column in schema)


def table_rows(listing: Listing, name: str, least: int = 3, *, uneven: bool = False) -> Iterator[tuple[int, Row]]:
    """Yield number and cells of each row of a table; columns without a header are named ``1``, ``2``, ...

    ``uneven``: as in ``text_rows``. Raises MemberProblem ``table_damaged``.
    """
    if listing.kinds.get(name) == "parquet":
        try:
            with pq.ParquetFile(io.BytesIO(listing.read(name))) as file:
                rows = (row for batch in file.iter_batches(8192) for row in batch.to_pylist())
                yield from ((at, as_cells(row)) for at, row in enumerate(rows, start=1))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise MemberProblem("table_damaged", f"{name} cannot be read as Parquet: {error}") from error
        return
    dialect = find_dialect(listing.head(name), least)
    if dialect is not None:
        yield from text_rows(listing, name, dialect, uneven=uneven)


def even_rows(listing: Listing, name: str, least: int = 3) -> Iterator[tuple[int, Row]]:
    """Yield number and cells of each row that has as many cells as the first."""
    return ((at, row) for at, row in table_rows(listing, name, least, uneven=True) if UNEVEN not in row)


def decimal_of(listing: Listing, name: str) -> str:
    """Return the decimal mark of a table, a point by default."""
    dialect = find_dialect(listing.head(name)) if listing.kinds.get(name) == "text" else None
    return dialect.decimal if dialect else "."


def has_header(listing: Listing, name: str) -> bool:
    """Return whether a table has a header."""
    dialect = find_dialect(listing.head(name)) if listing.kinds.get(name) == "text" else None
    return dialect is None or dialect.header


def wide_header(header: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Return the numbered columns of a wide table: name with ``{n}`` to number to column.

    Empty if fewer than four names repeat with the same numbers, since a box needs four.
    """
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for column in header:
        for match in re.finditer(r"\d+", column):
            found[f"{column[: match.start()]}{NUMBER}{column[match.end() :]}"][match[0]] = column
    repeated = {name: held for name, held in found.items() if len(held) > 1}
    sets = {frozenset(held) for held in repeated.values()}
    fitting = [group for group in sets if sum(frozenset(held) == group for held in repeated.values()) >= 4]
    return {name: held for name, held in repeated.items() if frozenset(held) in fitting} if len(fitting) == 1 else {}


def long_rows(rows: Iterator[tuple[int, Row]], columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Yield one row per object of a wide table, with columns named with ``{n}``; rows of other tables unchanged.

    A row without objects yields one row with empty cells.
    """
    numbered = [column for column in columns if NUMBER in column]
    if not numbered:
        yield from rows
        return
    wide: Mapping[str, Mapping[str, str]] | None = None
    for at, row in rows:
        if UNEVEN in row:
            yield at, row
            continue
        wide = wide_header(list(row)) if wide is None else wide
        numbers = {number for name in numbered for number in wide.get(name, {})}
        each = [_cells(row, wide, numbered, number) for number in sorted(numbers, key=int)]
        objects = [cells for cells in each if not all(map(is_empty, cells.values()))]
        yield from ((at, {**row, **cells}) for cells in objects or [dict.fromkeys(numbered, "")])


def _cells(row: Row, wide: Mapping[str, Mapping[str, str]], names: Sequence[str], number: str) -> Row:
    return {name: row.get(wide.get(name, {}).get(number, ""), "") for name in names}
