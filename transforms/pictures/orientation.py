"""Find, neutralise and apply orientation tags, which make readers rotate or mirror a picture.

Readers honour EXIF tag 0x0112 (JPEG APP1, PNG ``eXIf``, ImageMagick's ``Raw profile type exif``, the same tag of TIFF
and WebP) and, without it, XMP ``tiff:Orientation``. Values 2 to 8 rotate or mirror the stored pixels; all others are
ignored. Sources: EXIF 2.32, PNG specification (third edition), XMP part 1; for what readers honour,
``PIL.Image.Exif`` and OpenCV's ``exif.cpp``.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.pictures.metadata import chunks, exif_entries, exif_order, exif_start, segments
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE
from medmultipoints.transforms.records import Box

# Pillow warns of damaged metadata on standard error; it is read below as far as possible.
warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")

Orientation = Literal["stored", "displayed", "refuse"]

TAG: Final = 0x0112
TURNING: Final = frozenset(range(2, 9))
TURNED_BACK: Final = {6: 8, 8: 6}
"""Inverse of each tag that is not its own inverse."""
_JPEG, _OTHERS = b"\xff\xd8", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"RIFF", b"GIF8")
_READ: Final = ("JPEG", "PNG", "TIFF", "WEBP", "GIF")
_EXIF, _XMP = b"Exif\0\0", (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")
_IN_XMP = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)([0-9]+)")
_PROFILES = (b"Raw profile type exif\0", b"Raw profile type APP1\0")
_PNG_XMP = b"XML:com.adobe.xmp\0"

_TURN: Final[dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}


@dataclass(frozen=True, slots=True)
class _Block:
    """A metadata block of a file, from byte ``start`` to ``end``, with its content from byte ``content`` on."""

    kind: Literal["exif", "xmp", "packed"]
    start: int
    content: int
    end: int


def find_orientations(data: bytes, page: int = 0) -> frozenset[int]:
    """Return the values 2 to 8 of all orientation tags of a picture file; empty if no reader rotates it.

    ``page``: page number in a TIFF file.
    """
    if not data.startswith((SIGNATURE, _JPEG)):
        return frozenset(_honoured(data, page)) & TURNING if data.startswith(_OTHERS) else frozenset()
    blocks = list(_blocks(data))
    if not blocks:
        return frozenset()
    found = {value for block in blocks for value in _values(data, block)}
    return frozenset(found | _honoured(data)) & TURNING


def neutralise(data: bytes) -> bytes | None:
    """Return the file with every orientation tag set to 1 and the same pixels; None if readers still rotate it.

    If a tag cannot be overwritten in place (compressed text, damaged EXIF), its metadata block is removed.
    """
    patched = _rewrite(data, drop=False)
    if _is_upright(patched):
        return patched
    bare = _rewrite(data, drop=True)
    return bare if _is_upright(bare) else None


def turn_pixels(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return the picture (or mask) with the orientation applied."""
    return np.ascontiguousarray(_TURN[orientation](pixels))


def turn_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height of the displayed picture."""
    return (height, width) if orientation >= 5 else (width, height)


def turn_box(box: Box, orientation: int, width: float, height: float) -> Box:
    """Return the box in the displayed frame; ``width`` and ``height`` are those of the stored picture."""
    x1, x2 = (width - box.x2, width - box.x1) if orientation in (2, 3, 7, 8) else (box.x1, box.x2)
    y1, y2 = (height - box.y2, height - box.y1) if orientation in (3, 4, 6, 7) else (box.y1, box.y2)
    return Box(y1, x1, y2, x2) if orientation >= 5 else Box(x1, y1, x2, y2)


def _blocks(data: bytes) -> Iterator[_Block]:
    return _png_blocks(data) if data.startswith(SIGNATURE) else _jpeg_blocks(data)


def _jpeg_blocks(data: bytes) -> Iterator[_Block]:
    """Yield the APP1 segments with EXIF or XMP before the first scan."""
    for part in segments(data):
        body = part.start + 4
        if part.marker == 0xE1 and part.content.startswith(_EXIF[:4]):
            yield _Block("exif", part.start, body + len(_EXIF), part.end)
        elif part.marker == 0xE1 and part.content.startswith(_XMP):
            yield _Block("xmp", part.start, body, part.end)


def _png_blocks(data: bytes) -> Iterator[_Block]:
    """Yield the chunks with EXIF or XMP."""
    for part in chunks(data):
        body, kind = part.start + 8, part.marker
        if kind == b"eXIf":
            yield _Block("exif", part.start, body, part.end)
        elif kind == b"iTXt" and part.content.startswith(_PNG_XMP):
            packed = part.content[len(_PNG_XMP) : len(_PNG_XMP) + 1] != b"\0"
            yield _Block("packed" if packed else "xmp", part.start, body, part.end)
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and part.content.startswith((*_PROFILES, _PNG_XMP)):
            yield _Block("packed", part.start, body, part.end)


def _values(data: bytes, block: _Block) -> Iterator[int]:
    if block.kind == "exif":
        yield from (value for _, value in _exif_entries(data, block))
    elif block.kind == "xmp":
        yield from (int(found[2][:4]) for found in _IN_XMP.finditer(data, block.content, block.end))


def _exif_entries(data: bytes, block: _Block) -> Iterator[tuple[int, int]]:
    """Yield position and value of each orientation entry (tag, type, count, value) of the first directory."""
    tiff = data[block.content : block.end]
    order = exif_order(tiff)
    for place, tag in exif_entries(tiff, exif_start(tiff)):
        if tag == TAG:
            (kind,) = struct.unpack_from(order + "H", tiff, place + 2)
            width = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}.get(kind, "H")
            yield block.content + place, struct.unpack_from(order + width, tiff, place + 8)[0]


def _honoured(data: bytes, page: int = 0) -> set[int]:
    """Return the orientation that Pillow reads from the file's metadata."""
    try:
        with Image.open(io.BytesIO(data), formats=_READ) as image:
            if page:
                image.seek(page)
            value = image.getexif().get(TAG)
    except Exception:  # noqa: BLE001 (Pillow's parsers of metadata raise anything; the pixels are checked elsewhere)
        return set()
    return {value} if isinstance(value, int) else set()


def _is_upright(data: bytes) -> bool:
    """Return whether neither Pillow nor OpenCV rotates the picture; False for an empty file."""
    if not data or find_orientations(data):
        return False
    encoded = np.frombuffer(data, np.uint8)
    reduced = cv2.IMREAD_REDUCED_COLOR_8
    turned, plain = cv2.imdecode(encoded, reduced), cv2.imdecode(encoded, reduced | cv2.IMREAD_IGNORE_ORIENTATION)
    return turned is not None and plain is not None and np.array_equal(turned, plain)


def _rewrite(data: bytes, *, drop: bool) -> bytes:
    parts, last = [], 0
    for block in _blocks(data):
        parts.append(data[last : block.start])
        last = block.end
        if not drop and block.kind != "packed":
            parts.append(_patched(data, block))
    return b"".join([*parts, data[last:]])


def _patched(data: bytes, block: _Block) -> bytes:
    """Return the block with orientation 1 and the same length; a PNG chunk gets a new checksum."""
    made = bytearray(data[block.start : block.end])
    if block.kind == "exif":
        order = exif_order(data[block.content : block.end])
        for place, _ in _exif_entries(data, block):
            struct.pack_into(order + "HIHH", made, place - block.start + 2, 3, 1, 1, 0)
    else:
        for found in _IN_XMP.finditer(data, block.content, block.end):
            begin, end = found.start(2) - block.start, found.end(2) - block.start
            made[begin:end] = b"1".rjust(end - begin, b"0")
    if data.startswith(SIGNATURE):
        struct.pack_into(">I", made, len(made) - 4, zlib.crc32(made[4:-4]))
    return bytes(made)
