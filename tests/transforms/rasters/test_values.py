"""The channel of a mask file that is declared is the one that is read; a file without it is refused."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.sources.reading.joining import picture_size
from medmultipoints.transforms.sources.reading.listing import listed
from tests.members import MemoryMembers

PIXELS = np.zeros((4, 6, 4), np.uint8)
PIXELS[1:3, 1:4] = (9, 8, 7, 255)


def read(pixels: Any, channel: str, form: str = "PNG") -> list[int]:
    """The values of the mask at a background pixel and in its object."""
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, form)
    found = read_codes(MaskLayer(member="m.png", kind="binary", channel=channel), lambda _: held.getvalue())
    return [int(found[0, 0]), int(found[1, 1])]


@pytest.mark.parametrize(("channel", "value"), [("alpha", 255), ("r", 9), ("g", 8), ("b", 7)])
def test_a_declared_channel_is_read(channel: str, value: int) -> None:
    assert [0, value] == read(PIXELS, channel)


@pytest.mark.parametrize(
    ("pixels", "form"), [(PIXELS[..., :3], "PNG"), (PIXELS[..., 0], "PNG"), (PIXELS[..., 0], "JPEG")]
)
def test_a_mask_without_the_declared_channel_is_refused(pixels: Any, form: str) -> None:
    with pytest.raises(ImageProblem, match="no alpha channel|does not keep the exact colours"):
        read(pixels, "alpha", form)


def big_endian() -> bytes:
    """A TIFF of 32-bit numbers with the most significant byte first, which Pillow does not know."""
    width, height = 20, 12
    numbers = np.arange(width * height, dtype=">u4").tobytes()
    shorts = {256: width, 257: height, 258: 32, 259: 1, 262: 1, 277: 1, 278: height, 339: 1}
    entries = {tag: (3, value << 16) for tag, value in shorts.items()} | {273: (4, 8), 279: (4, len(numbers))}
    tags = b"".join(struct.pack(">HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(entries.items()))
    return b"MM\0*" + struct.pack(">I", 8 + len(numbers)) + numbers + struct.pack(">H", len(entries)) + tags + bytes(4)


def test_a_kind_of_tiff_that_is_not_read_is_named_without_an_address() -> None:
    """An address in memory would differ in each run, and with it the release."""
    files = MemoryMembers({"m.tif": big_endian()})
    said = "a kind of TIFF that is not read; write it as PNG"
    with pytest.raises(ImageProblem, match=f"^unreadable_image: {said}$"):
        read_codes(MaskLayer(member="m.tif", kind="classes"), files.read)
    with pytest.raises(MemberProblem, match=f"m.tif cannot be read as a picture: {said}$"):
        picture_size(listed(files), "m.tif")
