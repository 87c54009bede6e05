"""An unreadable annotation file is reported with its fault, not as an unknown format."""

import pytest

from medmultipoints.transforms.sources.inspecting.unread import find_unread
from medmultipoints.transforms.sources.reading.listing import listed
from tests.members import MemoryMembers

HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
ROW = "p.png,96,72,polyp,20,10,60,50\n"
COCO = '{"images": [], "annotations": [], "categories": []'


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", (HEAD + ROW).encode("utf-16"), "written in UTF-16"),
        ("a.csv", (HEAD + ROW).encode("utf-16-le"), "written in UTF-16"),
        ("a.csv", (HEAD + ROW.replace("p.png", "p\0.png")).encode(), "zero byte (at 49)"),
        ("a.csv", (HEAD + ROW + ROW[:20] + "\n").encode(), "line 3 has 5 columns, the first line 8"),
        ("a.csv", (HEAD + ROW + '"' + ROW).encode(), "line 3 has a quotation mark that does not end"),
        ("a.json", (COCO + "}").encode("utf-16"), "written in UTF-16"),
        ("a.json", COCO.encode(), "is not JSON"),
        ("a.json", (COCO + ', "annotations": []}').encode(), 'the key "annotations" twice'),
        ("a.json", ("// by hand\n" + COCO + "}").encode(), "is not JSON"),
        ("a.json", (COCO + ', "x": ' + "[" * 3000 + "]" * 3000 + "}").encode(), "is not JSON"),
        ("a.json", (COCO + ', "x": "\u00e9"}').encode("latin-1"), "UTF-8"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name: str, data: bytes, said: str) -> None:
    hints = find_unread(listed(MemoryMembers({name: data})))
    assert any(said in hint.text for hint in hints), hints
