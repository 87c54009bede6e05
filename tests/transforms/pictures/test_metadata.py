"""Metadata of picture files is found, and stripping it keeps the pixels."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.metadata import find_metadata, strip_metadata

PICTURE = Image.fromarray(np.random.default_rng(3).integers(0, 255, (40, 56, 3), np.uint8))


def save(kind: str, **options: object) -> bytes:
    out = BytesIO()
    PICTURE.save(out, kind, **options)
    return out.getvalue()


def exif() -> Image.Exif:
    block = Image.Exif()
    block[0x013B] = "Dr Berg"
    block.get_ifd(0x8825)[2] = (59.0, 54.0, 0.0)
    block.get_ifd(0x8769)[0xA431] = "7781"
    return block


WITH_EXIF = save("JPEG", exif=exif(), comment=b"room 2", progressive=True)
PNG_TEXT = PngInfo()
PNG_TEXT.add_text("Author", "Berg")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (save("JPEG"), []),
        (save("PNG"), []),
        (
            WITH_EXIF,
            [
                ("gps", "EXIF GPS"),
                ("name", "EXIF Artist"),
                ("number", "EXIF BodySerialNumber"),
                ("other", "JPEG comment"),
            ],
        ),
        (save("JPEG") + b"secret.zip", [("other", "bytes after the end")]),
        (save("JPEG") + b"\0\0\n", []),
        (save("PNG", pnginfo=PNG_TEXT) + b"PK", [("other", "PNG text"), ("other", "bytes after the end")]),
        (b"GIF89a", []),
    ],
)
def test_what_a_file_carries(data: bytes, found: list[tuple[str, str]]) -> None:
    assert found == [(one.kind, one.name) for one in find_metadata(data)]


@pytest.mark.parametrize("data", [WITH_EXIF + b"tail", save("PNG", exif=exif(), pnginfo=PNG_TEXT) + b"tail"])
def test_stripping_leaves_the_pixels_and_nothing_else(data: bytes) -> None:
    stripped = strip_metadata(data)
    assert [] == find_metadata(stripped)
    assert np.array_equal(decode_image(data).pixels, decode_image(stripped).pixels)
    assert stripped == strip_metadata(stripped)


@given(st.integers(2, len(WITH_EXIF) - 1), st.integers(0, 255))
def test_damaged_files_end_in_an_answer(place: int, value: int) -> None:
    damaged = WITH_EXIF[:place] + bytes([value]) + WITH_EXIF[place + 1 :]
    find_metadata(damaged)
    strip_metadata(damaged[:place])
