"""Rows of tables by picture."""

from collections.abc import Iterator

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.sources.annotated import ReadProblem
from medmultipoints.transforms.sources.reading.records.picture_rows import PictureRows, rows_by_picture
from medmultipoints.transforms.sources.reading.records.table_columns import Row


def read_rows(table: str) -> Iterator[tuple[int, Row]]:
    yield 2, {"file": "x.png", "label": table}
    if table == "b.csv":
        raise MemberProblem("table_damaged", "cut off")
    yield 3, {"label": "no file"}


def test_rows_follow_the_first_table_that_names_their_picture_and_damage_keeps_what_came_before() -> None:
    found, problems = rows_by_picture(["a.csv", "b.csv"], read_rows, "file")
    assert found == {
        "x.png": PictureRows(
            "a.csv",
            problems,
            [("a.csv#2", {"file": "x.png", "label": "a.csv"}), ("b.csv#2", {"file": "x.png", "label": "b.csv"})],
        ),
        "": PictureRows("a.csv", problems, [("a.csv#3", {"label": "no file"})]),
    }
    assert problems == [ReadProblem(key="b.csv", reason="table_damaged", detail="cut off")]
