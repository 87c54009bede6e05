"""Group the rows of tables by picture."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.sources.annotated import ReadProblem
from medmultipoints.transforms.sources.reading.records.table_columns import UNEVEN, Row


@dataclass(frozen=True, slots=True)
class PictureRows:
    """Rows of one picture, each with its key ``table#line``, and the first table that names the picture.

    ``damaged``: rows and tables that could not be read, which may hold further rows of the picture.
    """

    table: str
    damaged: list[ReadProblem]
    rows: list[tuple[str, Row]] = field(default_factory=list)


def rows_by_picture(
    tables: Iterable[str], read_rows: Callable[[str], Iterator[tuple[int, Row]]], column: str
) -> tuple[dict[str, PictureRows], list[ReadProblem]]:
    """Return the rows grouped by the value of ``column``, in order of first occurrence, and damaged rows and tables.

    ``read_rows`` yields line numbers and rows of a table. Rows before the damage are kept.
    """
    found: dict[str, PictureRows] = {}
    problems: list[ReadProblem] = []
    for table in tables:
        try:
            for line, row in read_rows(table):
                if UNEVEN in row:
                    detail = f"{table}, line {line}: {row[UNEVEN]}"
                    problems.append(ReadProblem(key=f"{table}#{line}", reason="row_damaged", detail=detail))
                    continue
                found.setdefault(row.get(column, ""), PictureRows(table, problems)).rows.append(
                    (f"{table}#{line}", row)
                )
        except MemberProblem as problem:
            problems.append(ReadProblem(key=table, reason=problem.reason, detail=problem.detail))
    return found, problems
