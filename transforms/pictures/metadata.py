"""Find and strip metadata of picture files: places, names, serial numbers, comments, trailing bytes.

Findings name the kind of metadata, never its value. Stripping removes whole segments and keeps the pixels.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from medmultipoints.transforms.pictures.png_chunks import SIGNATURE

JPEG_START: Final = b"\xff\xd8"
START_OF_SCAN, END, RESTARTS = 0xDA, 0xD9, range(0xD0, 0xD8)
WITHOUT_LENGTH = frozenset({0x01, 0xD8, *RESTARTS})
KEPT_SEGMENTS = frozenset({0xE0, 0xE2, 0xEE})
"""Segments needed for decoding: JFIF, colour profile, Adobe's colour transform."""
DROPPED_CHUNKS = frozenset({b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"})

EXIF_TAGS: Mapping[int, tuple[str, str]] = {
    0x8825: ("gps", "EXIF GPS"),
    0x010E: ("other", "EXIF ImageDescription"),
    0x013B: ("name", "EXIF Artist"),
    0x013C: ("name", "EXIF HostComputer"),
    0x8298: ("name", "EXIF Copyright"),
    0x9003: ("date", "EXIF DateTimeOriginal"),
    0x9004: ("date", "EXIF DateTimeDigitized"),
    0x0132: ("date", "EXIF DateTime"),
    0x9286: ("other", "EXIF UserComment"),
    0x927C: ("other", "EXIF MakerNote"),
    0x9C9B: ("other", "EXIF XPTitle"),
    0x9C9C: ("other", "EXIF XPComment"),
    0x9C9D: ("name", "EXIF XPAuthor"),
    0x9C9E: ("other", "EXIF XPKeywords"),
    0x9C9F: ("other", "EXIF XPSubject"),
    0xA420: ("number", "EXIF ImageUniqueID"),
    0xA430: ("name", "EXIF CameraOwnerName"),
    0xA431: ("number", "EXIF BodySerialNumber"),
    0xA435: ("number", "EXIF LensSerialNumber"),
    0xC62F: ("number", "EXIF CameraSerialNumber"),
}
"""Kind and name of the tags that may identify a person or a place."""
SUB_DIRECTORIES = frozenset({0x8769})
MOST_ENTRIES = 512


@dataclass(frozen=True, slots=True, order=True)
class Metadatum:
    """A piece of metadata: its kind in a privacy policy, and its name in the file."""

    kind: str
    name: str


class Part(NamedTuple):
    """A segment or chunk: its marker, its content and its byte range in the file."""

    marker: int | bytes
    content: bytes
    start: int
    end: int


def find_metadata(data: bytes) -> list[Metadatum]:
    """Return the distinct metadata of a JPEG or PNG file, sorted; empty for other formats."""
    return sorted(set(_found(data)))


def strip_metadata(data: bytes) -> bytes:
    """Return the file without metadata and trailing bytes; the pixels do not change."""
    if data.startswith(SIGNATURE):
        parts = list(chunks(data))
        kept = [data[part.start : part.end] for part in parts if part.marker not in DROPPED_CHUNKS]
        return SIGNATURE + b"".join(kept)
    if not data.startswith(JPEG_START):
        return data
    kept, scan = [JPEG_START], len(JPEG_START)
    for part in segments(data):
        scan = part.end
        if isinstance(part.marker, int) and not _is_metadata(part.marker):
            kept.append(data[part.start : part.end])
    return b"".join(kept) + data[scan : _jpeg_end(data, scan)]


def _is_metadata(marker: int) -> bool:
    """Return whether decoding does not need a JPEG segment: a comment or application data."""
    return marker == 0xFE or (0xE0 <= marker <= 0xEF and marker not in KEPT_SEGMENTS)


def _found(data: bytes) -> Iterator[Metadatum]:
    if data.startswith(SIGNATURE):
        end = len(SIGNATURE)
        for part in chunks(data):
            end = part.end
            if part.marker == b"eXIf":
                yield from _exif(part.content)
            elif part.marker in (b"tEXt", b"iTXt", b"zTXt"):
                yield Metadatum("other", "PNG text")
            elif part.marker == b"tIME":
                yield Metadatum("date", "PNG time")
    elif data.startswith(JPEG_START):
        scan = len(JPEG_START)
        for part in segments(data):
            scan = part.end
            yield from _segment(part)
        end = _jpeg_end(data, scan)
    else:
        return
    if data[end:].strip(b"\0\r\n "):
        yield Metadatum("other", "bytes after the end")


def _segment(part: Part) -> Iterator[Metadatum]:
    if part.marker == 0xFE:
        yield Metadatum("other", "JPEG comment")
    elif part.marker == 0xE1 and part.content.startswith(b"Exif\0"):
        yield from _exif(part.content[6:])
    elif part.marker == 0xE1:
        yield Metadatum("other", "XMP")
        if b"exif:GPS" in part.content:
            yield Metadatum("gps", "XMP GPS")
    elif part.marker == 0xED:
        yield Metadatum("other", "IPTC")


def segments(data: bytes) -> Iterator[Part]:
    """Yield the segments of a JPEG file before its first scan."""
    place = len(JPEG_START)
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in WITHOUT_LENGTH:
            place += 2
            continue
        if marker in (START_OF_SCAN, END):
            return
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        if end > len(data) or end < place + 4:
            return
        yield Part(marker, data[place + 4 : end], place, end)
        place = end


def _jpeg_end(data: bytes, scan: int) -> int:
    """Return the position after the end marker of a JPEG file, or the end of the data without one."""
    place = scan
    while (place := data.find(b"\xff", place)) >= 0 and place + 1 < len(data):
        marker = data[place + 1]
        if marker == END:
            return place + 2
        if marker in (0x00, 0xFF, 0x01) or marker in RESTARTS:
            place += 1 if marker == 0xFF else 2
            continue
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return len(data)


def chunks(data: bytes) -> Iterator[Part]:
    """Yield the chunks of a PNG file up to and including IEND."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        if end > len(data):
            return
        name = data[place + 4 : place + 8]
        yield Part(name, data[place + 8 : end - 4], place, end)
        place = end
        if name == b"IEND":
            return


def _exif(block: bytes) -> Iterator[Metadatum]:
    """Yield the metadata named by the tags of an EXIF block, as far as a damaged block can be read."""
    todo, seen = [exif_start(block)], set[int]()
    while todo:
        start = todo.pop()
        if start in seen:
            continue
        seen.add(start)
        for entry, tag in exif_entries(block, start):
            if tag in SUB_DIRECTORIES:
                todo.append(struct.unpack_from(f"{exif_order(block)}I", block, entry + 8)[0])
            if tag in EXIF_TAGS:
                yield Metadatum(*EXIF_TAGS[tag])


def exif_order(block: bytes) -> str:
    """Return the byte order of an EXIF block for ``struct``."""
    return "<" if block[:2] == b"II" else ">"


def exif_start(block: bytes) -> int:
    """Return the position of the first directory of an EXIF block; beyond its end if it has none."""
    known = block[:2] in (b"II", b"MM") and len(block) >= 8
    return int(struct.unpack_from(f"{exif_order(block)}I", block, 4)[0]) if known else len(block)


def exif_entries(block: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield position and tag of each entry (tag, type, count, value) of a directory, as far as the block goes."""
    if start + 2 > len(block):
        return
    order = exif_order(block)
    count = min(struct.unpack_from(f"{order}H", block, start)[0], MOST_ENTRIES)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        yield entry, struct.unpack_from(f"{order}H", block, entry)[0]
