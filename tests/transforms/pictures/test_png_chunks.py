"""PNG files are read completely or not at all, even if Pillow accepts the damage."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.pictures.decode import ImageProblem, decode_image, decode_mask
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def reason_of(data: bytes) -> str:
    with pytest.raises(ImageProblem) as found:
        decode_image(data)
    return found.value.reason


PNG = png(Image.fromarray(np.arange(40 * 30 * 3).reshape(30, 40, 3).astype(np.uint8)))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (13, 21)])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_pngs_of_any_size_and_depth_hold_as_many_pixel_bytes_as_expected(mode: str, size: tuple[int, int]) -> None:
    assert (size[1], size[0], 3) == decode_image(png(Image.new(mode, size))).pixels.shape


def test_an_interlaced_png_is_read() -> None:
    """3 x 3 gray: Adam7 gives passes of 1, 0, 0, 1, 2, 1 + 1 and 3 pixels, each row with a filter byte."""
    rows = b"\0\1" + b"\0\3" + b"\0\7\x09" + b"\0\2" + b"\0\x08" + b"\0\4\5\6"
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 8, 0, 0, 0, 1))
    data = SIGNATURE + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert [[1, 2, 3], [4, 5, 6], [7, 8, 9]] == decode_mask(data).tolist()


@pytest.mark.parametrize("kept", [8, 20, 40, len(PNG) // 2, len(PNG) - 12, len(PNG) - 1])
def test_a_png_that_ends_too_early_is_truncated(kept: int) -> None:
    assert "truncated_image" == reason_of(PNG[:kept])


@pytest.mark.parametrize("position", [16, 30, 60, len(PNG) - 20])
def test_one_changed_byte_of_a_png_makes_it_unreadable(position: int) -> None:
    damaged = bytearray(PNG)
    damaged[position] ^= 1
    with pytest.raises(ImageProblem, match="fails its checksum") as found:
        decode_image(bytes(damaged))
    assert "unreadable_image" == found.value.reason


def test_a_png_with_right_checksums_around_broken_pixels_is_unreadable() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    for pixels in (b"no zlib stream", zlib.compress(b"\0" * 5)):  # garbage; one row of four
        data = SIGNATURE + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
        assert "unreadable_image" == reason_of(data)


def test_a_png_header_that_promises_billions_of_pixels_is_unreadable() -> None:
    body = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    forged = bytearray(PNG)
    forged[16:29], forged[29:33] = body, struct.pack(">I", zlib.crc32(b"IHDR" + body))
    assert "unreadable_image" == reason_of(bytes(forged))


def test_a_second_header_is_damage() -> None:
    """A second header could declare more pixels than are decoded, as a decompression bomb does."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0))
    end = chunk(b"IEND", b"")
    assert "unreadable_image" == reason_of(PNG.removesuffix(end) + header + end)
