"""A rejected entry may be an object, so counts of the pictures it may belong to are uncertain."""

from typing import Any

import pytest

from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.registry import find_format
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

Files = dict[str, bytes]
FRAMES = {f"seq/img1/{number:06d}.jpg": draw(str(number)) for number in (1, 2)}
PICTURES = {"a.jpg": draw("a"), "b.jpg": draw("b")}
TABLE = "image,label,x1,y1,x2,y2\na.jpg,cell,1,1,9,9\nb.jpg,cell,2,2,9,9\n"
FIELDS = {"image": "image", "label": "label", "x1": "x1", "y1": "y1", "x2": "x2", "y2": "y2"}
MOT = b"".join(b"%d,%d,10,10,20,20,1,1,1\n" % (frame, track) for frame in (1, 2) for track in range(9))


def uncertain(files: Files, **read: Any) -> dict[str, tuple[str, ...]]:
    """Labels of uncertain count of each picture, by the last letter or digit of its name."""
    declaration = declare({"absence": {"certain": ["cell"]}, **read})
    indexed = read_declared("s", declaration, {}, MemoryMembers(files), find_format(declaration.format).read)
    for sample in indexed.samples:
        assert not {*sample.uncertain} & {*sample.labels_exhaustive}
    return {sample.stem[-1]: sample.uncertain for sample in indexed.samples}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"2,99,10,10,0,20,1,1,1\n", {"1": (), "2": ("cell",)}),
        (b"2,99,10,nan,20,20,1,1,1\n", {"1": ("cell",), "2": ("cell",)}),
    ],
)
def test_a_row_of_mot_that_is_rejected_leaves_its_frame_uncertain(row: bytes, expected: dict[str, Any]) -> None:
    """A row whose numbers cannot be read may be of any frame."""
    assert expected == uncertain(FRAMES | {"seq/gt/gt.txt": MOT + row}, format="mot", label="cell")


@pytest.mark.parametrize("label", ["cell", ""])
def test_a_row_of_a_table_that_is_rejected_leaves_its_picture_uncertain(label: str) -> None:
    files = PICTURES | {"t.csv": f"{TABLE}b.jpg,{label},5,5,x,9\n".encode()}
    assert {"a": (), "b": ("cell",)} == uncertain(files, format="table", fields=FIELDS)


def test_a_table_that_ends_early_leaves_all_its_pictures_uncertain() -> None:
    long = TABLE + "".join(f"a.jpg,cell,1,1,9.{number},9\n" for number in range(4000))
    files = PICTURES | {"t.csv": long.encode() + b"b.jpg,cell,3,3,9,5,9,5\n"}
    assert {"a": ("cell",), "b": ("cell",)} == uncertain(files, format="table", fields=FIELDS)


def test_a_class_number_without_a_name_may_be_of_any_label() -> None:
    files = PICTURES | {"a.txt": b"0 0.5 0.5 0.2 0.2\n", "b.txt": b"0 0.5 0.5 0.2 0.2\n7 0.2 0.2 0.1 0.1\n"}
    assert {"a": (), "b": ("cell",)} == uncertain(files, format="yolo", classes=["cell"])


def test_names_in_yaml_are_texts() -> None:
    """YAML reads ``no`` and ``1.10`` as a boolean and a number."""
    files = PICTURES | {"a.txt": b"0 0.5 0.5 0.2 0.2\n", "b.txt": b"1 0.5 0.5 0.2 0.2\n"}
    found = inspect_source(MemoryMembers(files | {"data.yaml": b"names: {0: no, 1: 1.10}\n"}), {})
    assert {"no": 1, "1.10": 1} == dict(found.objects)


def test_a_track_with_gaps_leaves_all_frames_uncertain() -> None:
    place = 'outside="0" keyframe="1" occluded="0" xtl="1" ytl="1" xbr="9" ybr="9"'
    tracks = "".join(
        f'<track id="{track}" label="cell">' + "".join(f'<box frame="{at}" {place}/>' for at in shown) + "</track>"
        for track, shown in enumerate([(0, 1, 2), (0, 2)])
    )
    pictures = {f"f_{number:06d}.jpg": draw(str(number)) for number in range(3)}
    files = pictures | {"annotations.xml": f"<annotations>{tracks}</annotations>".encode()}
    assert {str(at): ("cell",) for at in range(3)} == uncertain(files, format="cvat-video", interpolate="refuse")
    assert {str(at): () for at in range(3)} == uncertain(files, format="cvat-video", interpolate="linear")
