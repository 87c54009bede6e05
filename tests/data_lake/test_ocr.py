"""The neural reader: what it reads in a real picture, twice the same, and nothing in an empty one."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from medmultipoints.data_lake.ocr import open_ocr
from medmultipoints.transforms.pictures.decode import decode_image

pytest.importorskip("rapidocr")


def test_an_even_picture_has_no_lines() -> None:
    assert [] == open_ocr()(np.full((300, 300, 3), 90, np.uint8))


def test_a_real_picture_is_read_the_same_by_two_readers(real: Path) -> None:
    with zipfile.ZipFile(real / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip") as archive:
        name = next(name for name in archive.namelist() if "/images/07fc8584" in name)
        pixels = decode_image(archive.read(name)).pixels
    lines = open_ocr()(pixels)
    assert {"05/03/2013", "<00:15:57>"} <= {line.text for line in lines}
    assert lines == open_ocr()(pixels)
    date = next(line for line in lines if line.text == "05/03/2013")
    assert date.box[0] <= 7
    assert date.box[1] <= 147 <= 163 <= date.box[3]
