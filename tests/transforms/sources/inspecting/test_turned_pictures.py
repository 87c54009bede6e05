"""Sizes that annotations state prove whether they refer to turned pictures as shown; a size as stored is no proof."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers

Size = tuple[int, int]
STORED: Size = (64, 48)


def picture(number: int, size: Size = STORED, tag: int = 6) -> bytes:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = tag
    pixels = np.random.default_rng(number).integers(0, 256, size[::-1], np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def coco(sizes: list[Size]) -> dict[str, bytes]:
    held = {
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "width": width, "height": height}
            for n, (width, height) in enumerate(sizes)
        ],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [30, 20, 10, 10]} for n, _ in enumerate(sizes)
        ],
        "categories": [{"id": 1, "name": "cell"}],
    }
    return {"coco.json": json.dumps(held).encode()}


def voc(sizes: list[Size]) -> dict[str, bytes]:
    return {
        f"{n}.xml": f"<annotation><filename>{n}.jpg</filename><size><width>{width}</width><height>{height}</height>"
        "</size><object><name>cell</name><bndbox><xmin>30</xmin><ymin>20</ymin><xmax>40</xmax><ymax>30</ymax></bndbox>"
        "</object></annotation>".encode()
        for n, (width, height) in enumerate(sizes)
    }


def masks(sizes: list[Size]) -> dict[str, bytes]:
    files = {}
    for n, (width, height) in enumerate(sizes):
        drawn, buffer = np.zeros((height, width), np.uint8), io.BytesIO()
        drawn[20:30, 30:40] = 255
        Image.fromarray(drawn).save(buffer, "PNG")
        files[f"masks/{n}.png"] = buffer.getvalue()
    return files


def inspect(annotations: Callable[[list[Size]], dict[str, bytes]], sizes: list[Size], tag: int = 6) -> Inspection:
    pictures = {f"{n}.jpg": picture(n, tag=tag) for n, _ in enumerate(sizes)}
    return inspect_source(MemoryMembers({**pictures, **annotations(sizes)}), {})


def asked(found: Inspection) -> str:
    return next((one.text for one in found.questions if one.key == "pictures.exif"), "")


@pytest.mark.parametrize("annotations", [coco, voc, masks])
def test_swapped_sizes_prove_that_annotations_follow_the_tag(
    annotations: Callable[[list[Size]], dict[str, bytes]],
) -> None:
    found = inspect(annotations, [STORED[::-1]] * 3)
    assert ({"exif": "displayed"}, "") == (found.read["pictures"], asked(found))


def test_masks_as_stored_prove_that_they_do_not() -> None:
    found = inspect(masks, [STORED] * 3)
    assert ({"exif": "stored"}, "") == (found.read["pictures"], asked(found))


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([STORED] * 2, "Annotations state the size of 2 as stored."),
        ([STORED, STORED[::-1], STORED], "Annotations state the size of 1 as shown and of 2 as stored."),
        ([(10, 10)] * 2, "as stored or as shown?"),
    ],
)
def test_other_sizes_are_named_in_the_question(sizes: list[Size], said: str) -> None:
    assert asked(inspect(coco, sizes)).endswith(said)


def test_a_mirrored_picture_proves_nothing() -> None:
    assert asked(inspect(coco, [STORED] * 2, tag=2)).endswith("as stored or as shown?")


def test_nothing_is_said_of_sizes_that_no_annotation_states() -> None:
    """Nor is an answer likely: both are wrong for some pictures."""
    rows = [f"{n}.jpg,cell,30,20,40,30" for n in range(3)]
    table = {"t.csv": "\n".join(["filename,label,xmin,ymin,xmax,ymax", *rows]).encode()}
    found = inspect(lambda _: table, [STORED] * 3)
    (question,) = [one for one in found.questions if one.key == "pictures.exif"]
    assert (question.default, "state the size" in question.text) == (None, False)


def test_masks_drawn_on_turned_pictures_are_not_called_of_another_size() -> None:
    hints = {hint.key for hint in inspect(masks, [STORED[::-1]] * 3).hints}
    assert "sizes_differ" not in hints
    assert "sizes_differ" in {hint.key for hint in inspect(masks, [(30, 48)] * 3).hints}


SHOWN = (24, 40, 40, 60)
"""A box in 48 x 64 pixels as shown, which passes the lower edge of the picture as stored."""
FRACTIONS = [SHOWN[0] / 48, SHOWN[1] / 64, SHOWN[2] / 48, SHOWN[3] / 64]
CORNERS = {"boxes": {"form": "xyxy", "frame": "edges"}}
RUNS = {"label": "cell", "masks": {"object": "file"}}


def run_lengths() -> str:
    """The pixels of the box down the columns, counted from 1."""
    return " ".join(f"{x * 64 + SHOWN[1] + 1} {SHOWN[3] - SHOWN[1]}" for x in range(SHOWN[0], SHOWN[2]))


def rows(header: str, cells: str) -> dict[str, bytes]:
    return {"t.csv": "\n".join([header, *(f"{n}.jpg,{cells}" for n in range(4))]).encode()}


def records(*names: str, **about: Any) -> list[dict[str, Any]]:
    """One record for each picture: its name, and one object."""
    return [{names[0]: f"{n}.jpg", names[1]: [{"label": "cell", **about}]} for n in range(4)]


CENTRE = {"x": 32, "y": 50, "width": 16, "height": 20}
LINE = f"0 {32 / 48} {50 / 64} {16 / 48} {20 / 64}".encode()
ON_SHOWN: dict[str, tuple[dict[str, bytes], dict[str, Any]]] = {
    "yolo": ({f"{n}.txt": LINE for n in range(4)}, {"classes": ["cell"]}),
    "table": (rows("filename,label,xmin,ymin,xmax,ymax", "cell,24,40,40,60"), CORNERS),
    "createml": ({"a.json": json.dumps(records("image", "annotations", coordinates=CENTRE)).encode()}, {}),
    "json": ({"a.json": json.dumps(records("image", "objects", bbox=FRACTIONS)).encode()}, CORNERS),
    "run-lengths": (rows("ImageId,EncodedPixels", run_lengths()), RUNS),
}


@pytest.mark.parametrize("form", ON_SHOWN)
def test_fractions_edges_and_run_lengths_are_of_the_picture_as_shown(form: str) -> None:
    """Not of the stored one, whose width is the height as shown; a picture without a tag is as stored."""
    annotations, stated = ON_SHOWN[form]
    files = {f"{n}.jpg": picture(n, STORED[::-1] if n == 3 else STORED, tag) for n, tag in enumerate((6, 8, 5, 1))}
    source = MemoryMembers({**files, **annotations})
    found = inspect_source(source, {"pictures": {"exif": "displayed"}, **stated})
    assert (form, {"cell": 4}) == (found.read["format"], dict(found.objects))
    assert not {"beyond_frame", "box_outside_image"} & {hint.key for hint in found.hints}
    pictures = [one for one in read_pictures(declare(found.used), source) if isinstance(one, AnnotatedPicture)]
    assert [SHOWN] * 4 == [box_of(annotation) for one in pictures for annotation in one.annotations]


def box_of(annotation: Annotation) -> tuple[int, ...]:
    if annotation.rle is None:
        assert annotation.box is not None
        return tuple(round(side) for side in annotation.box)
    below, right = np.nonzero(decode_rle(annotation.rle, 64, 48))
    return int(right.min()), int(below.min()), int(right.max()) + 1, int(below.max()) + 1
