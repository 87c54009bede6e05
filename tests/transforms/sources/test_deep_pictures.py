"""Gray pictures of 16 bits are asked for a window, and are on one scale with it, whatever their format."""

import json

import cv2
import numpy as np
import pytest

from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.rasters.source_pictures import read_picture
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

WINDOW = {"centre": 1000, "width": 2000}


def deep(extension: str, top: int) -> bytes:
    """A picture of 64 by 48 px whose values rise from 0 to ``top``."""
    values = np.linspace(0, top, 48 * 64).reshape(48, 64).astype(np.uint16)
    return bytes(cv2.imencode(extension, values)[1].tobytes())


@pytest.fixture
def files() -> MemoryMembers:
    names = ("a.png", "b.tif", "c.jpg")
    boxes = [{"id": at, "image_id": at, "category_id": 1, "bbox": [4, 4, 9.5, 9]} for at in range(3)]
    images = [{"id": at, "file_name": name, "width": 64, "height": 48} for at, name in enumerate(names)]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cyst"}]}
    held = {"a.png": deep(".png", 1000), "b.tif": deep(".tif", 2000), "c.jpg": draw("c")}
    return MemoryMembers({**held, "c.json": json.dumps(document).encode()})


def test_the_window_of_deep_pictures_is_asked_for_all_together(files: MemoryMembers) -> None:
    (question,) = [one for one in inspect_source(files, {}).questions if one.key == "intensity.window"]
    assert question.text.startswith("2 pictures of more than 8 bits a pixel, such as a.png, with values 0 to 2000: ")
    assert question.default == "{ centre = 1000, width = 2000 }"
    answered = inspect_source(files, {"intensity": {"window": WINDOW}})
    assert "intensity.window" not in {one.key for one in answered.questions}


def test_the_window_applies_to_deep_pictures_of_every_format_and_to_no_other(files: MemoryMembers) -> None:
    stated = {"intensity": {"window": WINDOW}}
    declaration = declare(inspect_source(files, stated).used)
    samples = {one.stem: one for one in read_declared("s", declaration, {}, files, read_pictures).samples}
    read = {stem: read_picture(sample, files.read, "stored", Scratch()) for stem, sample in samples.items()}
    assert [128, 255] == [int(read[stem].pixels.max()) for stem in "ab"]
    assert (None, "member") == (samples["c"].rendering, read["c"].origin)
    assert {"converted"} == {read[stem].origin for stem in "ab"}
