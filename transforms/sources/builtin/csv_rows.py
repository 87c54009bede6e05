"""Read rows of a CSV file with line numbers."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from medmultipoints.transforms.errors import SourceDataError


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row: its last line (from 1), its fields by column, and whether it has as many fields as the header."""

    line: int
    fields: Mapping[str, str]
    complete: bool


def read_csv_rows(source: str, member: str, data: bytes, columns: Sequence[str]) -> tuple[CsvRow, ...]:
    """Return the rows of a comma-separated table whose header has at least ``columns``, in any order.

    Text is normalised to NFC, like the names of members. Byte order mark, CRLF, a missing final newline and blanks
    after commas are ignored; blank lines are skipped. A row of the wrong length has ``complete`` false.
    Errors: SourceDataError if the file is not UTF-8 text, cannot be parsed, or lacks a column.
    """
    remedy = "Give the file as its authors publish it."
    try:
        text = normalize("NFC", data.decode("utf-8-sig"))
        reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in columns if name not in header]
        if missing:
            found = ", ".join(header) or "an empty file"
            raise SourceDataError(source, member, f"lacks the columns {', '.join(missing)} (found {found})", remedy)
        return tuple(_make_row(reader.line_num, header, values) for values in reader if values)
    except UnicodeDecodeError as error:
        raise SourceDataError(source, member, f"is not UTF-8 text ({error})", remedy) from error
    except csv.Error as error:
        raise SourceDataError(source, member, f"line {reader.line_num} is not CSV ({error})", remedy) from error


def _make_row(line: int, header: Sequence[str], values: Sequence[str]) -> CsvRow:
    fields = {name: value.strip() for name, value in zip(header, values, strict=False)}
    return CsvRow(line, fields, len(values) == len(header))
