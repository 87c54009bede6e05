"""What a declaration drops is left out and accounted for, whatever the format."""

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers

COCO = {"format": "coco", "annotations": "c.json"}
YOLO = {"format": "yolo", "classes": ["cell"], "images": "{name}.png", "annotations": "{name}.txt"}
MASKS = {"format": "masks", "images": "i/{name}.png", "annotations": "m/{name}.png", "label": "cell"}


def png(values: object = "gray") -> bytes:
    data = io.BytesIO()
    picture = Image.fromarray(values) if isinstance(values, np.ndarray) else Image.new("RGB", (20, 20), str(values))
    picture.save(data, "PNG")
    return data.getvalue()


def coco(*boxes: tuple[int, list[float]]) -> bytes:
    images = [{"id": number, "file_name": f"{number}.png", "width": 20, "height": 20} for number in range(3)]
    found = [{"id": n, "image_id": image, "category_id": 1, "bbox": box} for n, (image, box) in enumerate(boxes)]
    return json.dumps({"images": images, "annotations": found, "categories": [{"id": 1, "name": "cell"}]}).encode()


PICTURES = {f"{number}.png": png() for number in range(3)}
GOOD = [1, 2, 8, 7]


def read(held: dict[str, bytes], **declared: Any) -> Indexed:
    members = MemoryMembers(held)
    indexed = read_declared("s", Declaration.model_validate(declared), {}, members, read_pictures)
    check_members(members, indexed)
    return indexed


def reasons(found: Indexed) -> dict[str, tuple[str, str]]:
    return {row.key: (row.verdict, row.reason) for row in found.exclusions}


DROPPED = ("dropped", "dropped_by_declaration")


def test_a_dropped_picture_of_coco_is_no_sample_and_its_annotations_are_no_faults() -> None:
    files = {**PICTURES, "c.json": coco((0, GOOD), (1, [0, 0, -4, 2]), (2, GOOD))}
    found = read(files, **COCO, drop="1.png")
    assert [sample.stem for sample in found.samples] == ["0", "2"]
    assert set(reasons(found).values()) == {DROPPED}
    assert "1.png" in reasons(found)


def test_the_label_file_of_a_dropped_picture_is_dropped_with_it() -> None:
    files = {**PICTURES, "0.txt": b"0 .5 .5 .2 .2", "1.txt": b"0 .5 .5 .2 .2", "2.txt": b"0 .5 .5 .2 .2"}
    found = read(files, **YOLO, drop={"1.png": ["blurred", "is out of focus"]})
    assert reasons(found) == {"1.png": ("dropped", "blurred"), "1.txt": DROPPED}


def test_a_dropped_file_of_annotations_is_not_read() -> None:
    files = {**PICTURES, "0.txt": b"0 .5 .5 .2 .2", "1.txt": b"no numbers", "2.txt": b"0 .5 .5 .2 .2"}
    found = read(files, **YOLO, drop="1.txt", absence={"missing_file": "reject"})
    assert [sample.stem for sample in found.samples] == ["0", "2"]
    assert reasons(found) == {"1.txt": DROPPED, "1.png": ("rejected", "annotation_missing")}


def test_a_picture_without_its_dropped_mask_is_not_annotated() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[3:9, 4:8] = 255
    files = {f"i/{name}": data for name, data in PICTURES.items()} | {f"m/{name}": png(mask) for name in PICTURES}
    found = read(files, **MASKS, drop="m/1.png", absence={"missing_file": "reject"})
    assert [sample.stem for sample in found.samples] == ["0", "2"]
    assert reasons(found)["m/1.png"] == DROPPED


def test_a_pattern_without_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sources.s.read.drop: 'old/\*' matches no file"):
        read({**PICTURES, "c.json": coco((0, GOOD))}, **COCO, drop=["1.png", "old/*"])


def test_inspect_counts_without_what_is_dropped() -> None:
    """A second JSON that is dropped is not asked about."""
    files = {**PICTURES, "c.json": coco((0, GOOD), (1, GOOD)), "old.json": coco((0, GOOD), (2, GOOD))}
    found = inspect_source(MemoryMembers(files), {"drop": ["old.json", "1.png"]})
    assert (found.pictures, dict(found.objects)) == (2, {"cell": 1})
    assert "annotations" not in {question.key for question in found.questions}
