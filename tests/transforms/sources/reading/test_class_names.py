"""Tables of class names that count from 0 or from 1 name the numbers that objects have, and never their neighbours."""

import pytest

from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.reading.class_names import find_class_names
from medmultipoints.transforms.sources.reading.listing import listed
from medmultipoints.transforms.sources.registry import read_pictures
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

PICTURES = {f"{name}.jpg": draw(name) for name in "ab"}


def inspected(files: dict[str, str]) -> Inspection:
    return inspect_source(MemoryMembers(PICTURES | {name: text.encode() for name, text in files.items()}), {})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id,name\n1,benign\n2,malignant\n", ("", "benign", "malignant")),
        ("name,id\nmalignant,2\nbenign,1\n", ("", "benign", "malignant")),
        ("0,benign\n1,malignant\n", ("benign", "malignant")),
        ("2,benign\n3,malignant\n", ()),
        ("1,benign\n3,malignant\n", ()),
        ("1,benign\n1,malignant\n", ()),
        ("1,2\n2,3\n", ()),
    ],
)
def test_a_table_of_numbers_and_names_is_read_from_0_or_1(text: str, names: tuple[str, ...]) -> None:
    held = find_class_names(listed(MemoryMembers({"classes.csv": text.encode()})), ()).lists
    assert held == ({"classes.csv": names} if names else {})


BOXES = "file,class,x1,y1,x2,y2\na.jpg,1,1,1,9,9\nb.jpg,2,2,2,9,9\n"


def test_a_table_from_1_names_the_numbers_of_boxes() -> None:
    found = inspected({"boxes.csv": BOXES, "classes.csv": "id,name\n1,benign\n2,malignant\n"})
    assert found.objects == {"benign": 1, "malignant": 1}
    assert "classes" not in {question.key for question in found.questions}


def test_a_number_without_a_name_is_asked_so_that_no_name_is_shifted() -> None:
    found = inspected({"boxes.csv": BOXES, "classes.csv": "id,name\n0,benign\n1,malignant\n"})
    (asked,) = [question.text for question in found.questions if question.key == "classes"]
    assert asked.endswith('Give names from 0 on, "" for numbers that no object has: ["", "a", "b"].')


def test_a_table_from_1_of_other_things_names_no_class() -> None:
    """Such as the keys and numbers of tracks beside files of MOT."""
    held = find_class_names(listed(MemoryMembers({"tracks.csv": b"key,number\nckz0,1\nckz1,2\n"})), ()).lists
    assert held == {}


def test_yolo_numbers_from_0_take_no_names_from_1() -> None:
    """A table from 1 is offered without its number, not taken."""
    lines = {"a.txt": "0 0.5 0.5 0.25 0.25\n", "b.txt": "1 0.5 0.5 0.25 0.25\n"}
    found = inspected(lines | {"classes.csv": "id,name\n1,benign\n2,malignant\n"})
    (asked,) = [question for question in found.questions if question.key == "classes"]
    assert asked.choices == ('["benign", "malignant"]',)
    assert inspected(lines | {"classes.csv": "0,benign\n1,malignant\n"}).objects == {"benign": 1, "malignant": 1}


def test_names_of_mot_tracks_are_not_shifted_twice() -> None:
    frames = {f"seq/img1/{number:06d}.jpg": draw(str(number)) for number in (1, 2)}
    rows = b"".join(b"%d,%d,10,10,20,20,1,%d,1\n" % (at, track, 1 + track % 2) for at in (1, 2) for track in range(9))
    for table in (b"id,name\n1,cell\n2,cyst\n", b"0,cell\n1,cyst\n"):
        found = inspect_source(MemoryMembers(frames | {"seq/gt/gt.txt": rows, "classes.csv": table}), {})
        assert found.objects == {"cell": 10, "cyst": 8}


def two_sites() -> dict[str, bytes]:
    """Two YOLO data sets in one folder: site a has an object 0 and 1, site b one of 0."""
    files = {f"{site}/images/{site}{at}.jpg": draw(f"{site}{at}") for site in "ab" for at in range(2)}
    lines = {site: "".join(f"{at} 0.5 0.5 0.25 0.25\n" for at in range(count)) for site, count in (("a", 2), ("b", 1))}
    files |= {f"{site}/labels/{site}{at}.txt": lines[site].encode() for site in "ab" for at in range(2)}
    return files


@pytest.mark.parametrize("second", ["names: [nucleus, cell]", "names: [nucleus]"])
def test_lists_of_folders_name_the_labels_below_them(second: str) -> None:
    """Also where the list of one folder has too few names for the numbers of the other."""
    files = two_sites() | {"a/data.yaml": b"names: [cell, nucleus]", "b/data.yaml": second.encode()}
    found = inspect_source(MemoryMembers(files), {})
    assert "class_names_by_folder" in {hint.key for hint in found.hints}
    assert "classes" not in {question.key for question in found.questions} | found.read.keys()
    read = {one.member: one for one in read_pictures(declare(found.read), MemoryMembers(files))}
    assert [one.label for one in read["a/images/a0.jpg"].annotations] == ["cell", "nucleus"]
    assert [one.label for one in read["b/images/b0.jpg"].annotations] == ["nucleus"]
    assert read["b/images/b0.jpg"].read_from == ("b/labels/b0.txt", "b/data.yaml")


@pytest.mark.parametrize(
    "lists",
    [
        {"data.yaml": b"names: [cell, nucleus]", "a/data.yaml": b"names: [nucleus, cell]"},
        {"a/data.yaml": b"names: [cell, nucleus]", "a/labels/classes.txt": b"nucleus\ncell\n"},
    ],
)
def test_lists_that_contradict_for_one_label_are_asked_with_the_remedy(lists: dict[str, bytes]) -> None:
    found = inspect_source(MemoryMembers(two_sites() | lists), {})
    (asked,) = [question for question in found.questions if question.key == "classes"]
    assert "declare a source for each folder" in asked.text
