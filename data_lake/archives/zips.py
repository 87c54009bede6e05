"""Read zip archives in place, by several threads at once."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISLNK

from medmultipoints.data_lake.archives.entries import LIMITS, Limits, Origin, check_count, check_size, safe_name
from medmultipoints.data_lake.archives.read_at import read_at
from medmultipoints.transforms.errors import MemberProblem

ENCRYPTED = 0x1 | 0x40 | 0x2000  # traditional encryption, strong encryption, encrypted central directory
LOCAL_HEADER = struct.Struct("<4s22x2H")
USUAL_NAMES = 512
"""Bytes of a name and an extra field that are read along with the content."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
STREAM_CHUNK = 1 << 16  # deflate expands at most a thousandfold, so one chunk becomes at most 64 MiB


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file inside a zip: the offset of its local header and its central directory record."""

    name: str
    archive: Path
    header_offset: int
    compressed: int
    size: int
    crc: int
    method: int


def zip_entries(path: Path, origin: Origin, limits: Limits = LIMITS) -> list[ZipEntry]:
    """Return the files of a zip in directory order, without folders; repeated names are kept.

    SourceDataError for a zip that is damaged, encrypted, unsafe or a zip bomb.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except UnicodeDecodeError as error:
        text = f"the name of an entry is not UTF-8, though its flag says so: {error.object!r:.80}"
        raise origin.refuse(text, "Pack the archive again") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, struct.error, ValueError) as error:
        raise origin.refuse(f"damaged zip: {_other_format(path) or error}") from error
    check_count(len(infos), origin, limits)
    # Use the name as stored: zipfile cuts it at a NUL byte and fails if nothing is left.
    files = (info for info in infos if not info.orig_filename.endswith(("/", "\\")))
    return [_entry(info, path, origin, limits) for info in files]


def _other_format(path: Path) -> str:
    """Return which format the first bytes of a file without a zip directory show; empty if unknown."""
    with path.open("rb") as file:
        first = file.read(64)
    if first.startswith(b"PK\x03\x04"):
        return "it was cut off, or its end is damaged"
    if first.lstrip().lower().startswith((b"<html", b"<!doctype html")):
        return "it is a web page"
    return "" if first else "it is empty"


def _entry(info: zipfile.ZipInfo, path: Path, origin: Origin, limits: Limits) -> ZipEntry:
    name = safe_name(info.orig_filename, origin)
    if info.flag_bits & ENCRYPTED:
        raise origin.refuse(f"encrypted: entry {name!r} needs a password", "Give an archive without encryption")
    if S_ISLNK(info.external_attr >> 16):
        raise origin.refuse(f"entry {name!r} is a link, not a file")
    if info.compress_type not in METHODS:
        remedy = "Pack the archive again with deflate"
        raise origin.refuse(f"entry {name!r} has compression method {info.compress_type}, which is not read", remedy)
    check_size(name, info.file_size, info.compress_size, origin, limits)
    return ZipEntry(name, path, info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type)


def read_entry(entry: ZipEntry) -> bytes:
    """Return the whole content of an entry, checked by length and CRC-32; MemberProblem if it is damaged."""
    packed = _read_packed(entry)
    try:
        content = packed if entry.method == zipfile.ZIP_STORED else _inflate(packed, entry.size)
    except zlib.error as error:
        raise damaged(entry, str(error)) from error
    if len(content) != entry.size:
        raise damaged(entry, f"{len(content):,} bytes where the directory says {entry.size:,}")
    if zlib.crc32(content) != entry.crc:
        raise damaged(entry, "its CRC-32 does not match")
    return content


def stream_entry(entry: ZipEntry) -> Iterator[bytes]:
    """Yield the content in chunks, for entries that are archives; checked like ``read_entry`` at the end."""
    left, crc, size = entry.compressed, 0, 0
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    with entry.archive.open("rb") as file:
        file.seek(entry.header_offset)
        file.seek(entry.header_offset + _content_start(entry, file.read(LOCAL_HEADER.size)))
        while left and (packed := file.read(min(STREAM_CHUNK, left))):
            left -= len(packed)
            try:
                chunk = packed if entry.method == zipfile.ZIP_STORED else inflate.decompress(packed)
            except zlib.error as error:
                raise damaged(entry, str(error)) from error
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            if size > entry.size:
                raise damaged(entry, f"more than the {entry.size:,} bytes that the directory says")
            yield chunk
    if size != entry.size or crc != entry.crc:
        raise damaged(entry, "its length or CRC-32 does not match")


def damaged(entry: ZipEntry, problem: str) -> MemberProblem:
    """Return the problem of a member whose bytes cannot be trusted."""
    return MemberProblem("member_damaged", f"{entry.name} in {entry.archive.name}: {problem}")


def _read_packed(entry: ZipEntry) -> bytes:
    """Return the packed content: one read unless the local header has a very long name or extra field."""
    found = read_at(entry.archive, entry.header_offset, LOCAL_HEADER.size + USUAL_NAMES + entry.compressed)
    start = _content_start(entry, found[: LOCAL_HEADER.size])
    if start > LOCAL_HEADER.size + USUAL_NAMES:
        return read_at(entry.archive, entry.header_offset + start, entry.compressed)
    return found[start : start + entry.compressed]


def _content_start(entry: ZipEntry, header: bytes) -> int:
    """Return the offset of an entry's content, relative to its local header."""
    if len(header) < LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise damaged(entry, "no local header where the directory points")
    _, name_length, extra_length = LOCAL_HEADER.unpack(header)
    return LOCAL_HEADER.size + int(name_length) + int(extra_length)


def _inflate(packed: bytes, size: int) -> bytes:
    # One byte more than the stated size reveals a wrong size without unpacking a zip bomb.
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)
