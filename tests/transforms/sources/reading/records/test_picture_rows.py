"""Rows of tables by picture."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.sources.annotated import ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.reading.listing import listed
from medmultipoints.transforms.sources.reading.records.picture_rows import PictureRows, rows_by_picture
from medmultipoints.transforms.sources.reading.records.table_columns import Row
from medmultipoints.transforms.sources.reading.records.table_rows import even_rows, table_rows
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers

PNG = cv2.imencode(".png", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()


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


@pytest.mark.parametrize(
    ("row", "fields"), [("a3.png,polyp,1,2,3", "5 fields"), ("a3.png,polyp,1,2,3,4,5", "7 fields")]
)
def test_a_row_of_another_number_of_fields_is_named_and_the_others_are_read(row: str, fields: str) -> None:
    lines = ["image,label,x1,y1,x2,y2", *(f"a{n}.png,polyp,1,2,{n + 9},20" for n in range(20))]
    lines.insert(4, row)
    files = MemoryMembers({"boxes.csv": "\n".join(lines).encode(), **{f"a{n}.png": PNG for n in range(20)}})
    listing = listed(files)
    assert [at for at, _ in even_rows(listing, "boxes.csv")] == [*range(2, 5), *range(6, 23)]
    with pytest.raises(MemberProblem, match=f"line 5: {fields}, not 6 as in the first line"):
        list(table_rows(listing, "boxes.csv"))
    assert inspect_source(files, {}).read["format"] == "table"
    declaration = Declaration.model_validate(inspect_source(files, {"boxes": {"frame": "edges"}}).read)
    found = list(read_pictures(declaration, files))
    assert [one.key for one in found if isinstance(one, ReadProblem)] == ["boxes.csv#5"]
    assert sum(len(one.annotations) for one in found if not isinstance(one, ReadProblem)) == 20


def test_a_cell_that_is_no_number_is_shown_as_it_is_written() -> None:
    lines = ["image,label,x1,y1,x2,y2", "a.png,polyp,1,2,9,20", "a.png,polyp,1,2,9,abc"]
    files = MemoryMembers({"boxes.csv": "\n".join(lines).encode(), "a.png": PNG})
    declaration = Declaration.model_validate(inspect_source(files, {"boxes": {"frame": "edges", "form": "xyxy"}}).read)
    (problem,) = (one for one in read_pictures(declaration, files) if isinstance(one, ReadProblem))
    assert problem.detail.endswith("the box '1', '2', '9', 'abc' has a value that is not a finite number")
