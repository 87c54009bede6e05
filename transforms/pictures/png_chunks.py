"""Check that a PNG file is complete: all chunks, checksums and rows of pixels.

Pillow skips the checksums of the pixel data, accepts a missing end and leaves missing rows black, so it would not
detect damage. Source: PNG specification, chunk layout (length, type, data, CRC-32 of type and data), filter bytes and
Adam7 interlacing.
"""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_WHOLE = ((0, 0, 1, 1),)  # passes over the picture: first column, first row, step across, step down
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class PngDamage(ValueError):
    """Raised if the file ends too early (``cut``) or its content is invalid."""

    def __init__(self, message: str, *, cut: bool) -> None:
        self.cut = cut
        super().__init__(message)


def read_chunks(data: bytes) -> tuple[bytes, bytes]:
    """Return header and compressed pixels of a file that begins with the signature.

    The pixels are not checked: see ``check_pixels``. Bytes after the end marker are ignored. Raises PngDamage for a
    broken chunk and for an animated file (APNG), of which readers show different pictures.
    """
    view, position, kind = memoryview(data), len(SIGNATURE), b""
    header, pixels = b"", []
    while kind != b"IEND":
        if position + 12 > len(data):
            raise PngDamage(f"the file ends at byte {len(data)}, before its end marker", cut=True)
        length, kind = struct.unpack_from(">I4s", data, position)
        body = view[position + 8 : position + 8 + length]
        _check_chunk(data, position, kind, body, length)
        if kind == b"IHDR":
            if header:  # decoders use the first; a second one could declare any size
                raise PngDamage("it has more than one header", cut=False)
            header = bytes(body)
        elif kind == b"acTL" and bytes(body[:4]) > b"\0\0\0\1":
            raise PngDamage("it is animated: it holds several pictures. Save the one that is meant", cut=False)
        elif kind == b"IDAT":
            pixels.append(body)
        position += 12 + length
    return header, b"".join(pixels)


def check_pixels(header: bytes, pixels: bytes) -> None:
    """Raise PngDamage if the compressed pixels hold fewer bytes than the header requires."""
    expected = _pixel_bytes(header)
    try:
        found = len(zlib.decompressobj().decompress(pixels, expected))
    except zlib.error as error:
        raise PngDamage(f"its pixel data cannot be decompressed: {error}", cut=False) from error
    if found < expected:
        raise PngDamage(f"its pixel data hold {found} of {expected} bytes", cut=False)


def _check_chunk(data: bytes, position: int, kind: bytes, body: memoryview, length: int) -> None:
    name, end = kind.decode("latin-1"), position + 12 + length
    if end > len(data):
        raise PngDamage(f"the file ends at byte {len(data)}, inside the chunk {name!r} of {length} bytes", cut=True)
    if zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, end - 4)[0]:
        raise PngDamage(f"the chunk {name!r} at byte {position} fails its checksum", cut=False)


def _pixel_bytes(header: bytes) -> int:
    """Return the number of decompressed bytes: rows of packed samples, each after its filter byte."""
    try:
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
        bits = depth * _CHANNELS[colour]
    except (struct.error, KeyError) as error:
        raise PngDamage("its header is not one of the PNG specification", cut=False) from error
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
