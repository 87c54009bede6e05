"""What COCO's numbers prove about the form of its boxes, and what is asked."""

import io
import json
import random

from PIL import Image

from medmultipoints.transforms.sources.annotated import Recognition
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from tests.members import MemoryMembers


def inspected(boxes: list[list[int]], size: tuple[int, int] | None = (90, 40)) -> Recognition:
    """A picture of 90 by 40 px with these boxes; ``size``: as the file states it."""
    data = io.BytesIO()
    Image.new("RGB", (90, 40), "gray").save(data, "PNG")
    image = {"id": 1, "file_name": "a.png"} | ({"width": size[0], "height": size[1]} if size else {})
    found = [{"id": at, "image_id": 1, "category_id": 1, "bbox": box} for at, box in enumerate(boxes)]
    held = {"images": [image], "annotations": found, "categories": [{"id": 1, "name": "polyp"}]}
    files = MemoryMembers({"a.png": data.getvalue(), "c.json": json.dumps(held).encode()})
    recognition = recognise_source(files, {})
    assert recognition is not None
    return recognition


def drawn() -> list[list[int]]:
    """Boxes of the wide picture as x, y, width, height; not all could be two corners."""
    pick = random.Random(5)
    return [[pick.randrange(70), pick.randrange(25), pick.randrange(2, 15), pick.randrange(2, 12)] for _ in range(40)]


def asked(recognition: Recognition) -> list[str]:
    return [question.text for question in recognition.questions if question.key == "boxes.form"]


def test_boxes_in_their_picture_are_not_asked() -> None:
    assert asked(inspected(drawn())) == []


def test_boxes_with_x_and_y_exchanged_are_asked() -> None:
    """As COCO defines them, some would pass the edge, and the others lie in a wrong place without a word."""
    (text,) = asked(inspected([[y, x, height, width] for x, y, width, height in drawn()]))
    assert "of 40 boxes then pass the picture's edge, and 0 as y, x, height, width" in text


def test_a_file_without_sizes_is_compared_with_the_picture() -> None:
    found = inspected(drawn(), size=None)
    sizes = "1 size of pictures not stated: compared with the pictures' own"
    assert {proof.text for proof in found.proofs if proof.key == "boxes.form"} == {
        f"40 of 40 boxes lie in their picture so; {sizes}"
    }
    assert asked(inspected([[y, x, height, width] for x, y, width, height in drawn()], size=None)) != []
