"""Lists of one picture a line, with its boxes: what is read, asked and named."""

import io
from typing import Any

from PIL import Image

from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers


def drawn() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "gray").save(data, "PNG")
    return data.getvalue()


SHOTS = {f"case1/image {number}.png": drawn() for number in range(3)}
LINES = "image 0.png 1,2,9,9,0 11,3,30,20,0\n\nimage 1.png\nimage 2.png 0,0,40,30,0\n"
KEYS = {"format": "box-lists", "classes": ["polyp"], "boxes": {"form": "xyxy", "frame": "edges"}}


def read(lines: str, **keys: Any) -> Indexed:
    members = MemoryMembers({**SHOTS, "annotation_txt/case1.txt": lines.encode()})
    indexed = read_declared("s", Declaration.model_validate({**KEYS, **keys}), {}, members, read_pictures)
    check_members(members, indexed)
    return indexed


def problems(found: Indexed) -> dict[str, str]:
    return {row.key.partition("#")[2]: row.reason for row in found.exclusions}


def test_a_list_of_a_video_is_read() -> None:
    """Names may hold blanks; a name alone is a picture without objects."""
    found = read(LINES)
    assert [len(sample.annotations) for sample in found.samples] == [2, 0, 1]
    assert {annotation.label for sample in found.samples for annotation in sample.annotations} == {"polyp"}
    assert not found.exclusions


def test_class_names_and_frame_are_asked() -> None:
    files = MemoryMembers({**SHOTS, "annotation_txt/case1.txt": LINES.encode()})
    found = inspect_source(files, {})
    assert found.recognition is not None and found.recognition.read["format"] == "box-lists"
    assert {"classes"} <= {question.key for question in found.questions}


def test_boxes_without_class_get_the_declared_label() -> None:
    lines = "image 0.png 1,2,9,9 11,3,30,20"
    files = MemoryMembers({**SHOTS, "annotation_txt/case1.txt": lines.encode()})
    assert "label" in {question.key for question in inspect_source(files, {}).questions}
    found = read(lines, classes=[], label="polyp")
    assert [annotation.label for sample in found.samples for annotation in sample.annotations] == ["polyp", "polyp"]


def test_damaged_lines_are_named() -> None:
    words = ["image 0.png 1,2,9,x,0 11,3,30,20,0", "1,2,9,9,0", "other.png 1,2,9,9,0", "image 1.png 1,2,9 3,4,9,9,0"]
    lines = "\n".join([*words, "image 2.png 1,2,9,9,0"])
    assert problems(read(lines)) == {
        "1/0": "box_not_a_number",
        "2/0": "picture_missing",
        "3/0": "picture_missing",
        "4/0": "picture_missing",
    }


def test_a_declared_list_of_damaged_lines_is_read() -> None:
    assert problems(read("image 0.png a,b,c,d,0", annotations="**/case1.txt")) == {"1/0": "box_not_a_number"}


def test_a_class_number_without_name_is_named() -> None:
    assert problems(read("image 0.png 1,2,9,9,7")) == {"1/0": "label_missing"}


def test_a_second_line_of_a_picture_is_named() -> None:
    found = read("image 0.png 1,2,9,9,0\nimage 0.png 11,3,30,20,0")
    assert problems(found) == {"2/0": "picture_annotated_twice"}
