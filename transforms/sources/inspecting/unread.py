"""Recognise unsupported files of other tools, and suggest how to convert them."""

import codecs
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.array_items import array_shapes
from medmultipoints.transforms.rasters.nifti import read_volume
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Hint
from medmultipoints.transforms.sources.inspecting.unjoined import find_unjoined
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.records.json_rows import WHOLE_BYTES, parse_json
from medmultipoints.transforms.sources.reading.records.table_columns import find_pictures, guess_columns
from medmultipoints.transforms.sources.reading.records.table_rows import even_rows, find_tables
from medmultipoints.transforms.sources.reading.surroundings import picture_faults


@dataclass(frozen=True, slots=True)
class Unread:
    """An unsupported kind of file: key, name, remedy, and tests of its first bytes and its path."""

    key: str
    name: str
    remedy: str
    head: Callable[[bytes], object] = lambda _: False
    path: str = r"(?!)"


def _holds(*words: bytes) -> Callable[[bytes], object]:
    return lambda head: all(word in head for word in words)


def _begins(*starts: bytes) -> Callable[[bytes], object]:
    return lambda head: head.startswith(starts)


UNREAD: Final = (
    Unread(
        "lidc",
        "XML of LIDC-IDRI",
        "write DICOM SEG or NIfTI with pylidc",
        lambda head: b"<LidcReadMessage" in head or b"<IdriReadMessage" in head,
    ),
    Unread(
        "world_points",
        "table of points in millimetres of patient space (LUNA16)",
        "write masks as NIfTI on the grid of each volume",
        _holds(b"coordX", b"coordY", b"coordZ"),
    ),
    Unread(
        "dialogues",
        "JSON of dialogues (ShareGPT, PaliGemma), whose texts may hold boxes in an unknown frame",
        "give each picture's boxes in a separate list",
        lambda head: b'"conversations"' in head or b'"messages"' in head or b"<loc" in head,
    ),
    Unread(
        "rtstruct",
        "contours of DICOM (RTSTRUCT)",
        "write DICOM SEG or NIfTI with 3D Slicer or rt-utils",
        _holds(b"1.2.840.10008.5.1.4.1.1.481.3"),
    ),
    Unread("matlab", "MATLAB file", "save masks as PNG or NumPy arrays", _begins(b"MATLAB 5.0 MAT-file")),
    Unread("hdf5", "HDF5 file", "save pictures and masks as PNG, or as one npz", _begins(b"\x89HDF")),
    Unread(
        "pickle",
        "pickle, which can run code and is never opened",
        "write COCO, or NumPy arrays without objects",
        _begins(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
    ),
    Unread("tfrecord", "TFRecord", "write COCO with the script that made it", path=r".*\.(tfrecords?|record)([-.].*)?"),
    Unread("lmdb", "LMDB database", "write the pictures and annotations as files", path=r".*\.mdb"),
    Unread("roi", "ROI of ImageJ", "save labelled masks: Plugins, LabelMap", path=r".*\.roi"),
    Unread(
        "arrow",
        "Arrow file of datasets.save_to_disk",
        "write Parquet with Dataset.to_parquet",
        path=r".*\.arrow",
    ),
    Unread("excel", "Excel workbook", "save the sheet as CSV", path=r".*\.xlsx?"),
    Unread("sqlite", "SQLite database", "write the tables as CSV or Parquet", _begins(b"SQLite format 3")),
)


_MOST: Final = 3
"""Greatest number of files named in hints of one kind."""
_LOOKED_AT: Final = 1 << 20
_TEXTS: Final = (".txt", ".csv", ".tsv", ".json", ".xml")


def find_unread(listing: Listing) -> tuple[Hint, ...]:
    """Return hints about the unread files of a source, with remedies."""
    found: dict[str, list[str]] = {}
    kinds = {kind.key: kind for kind in UNREAD}
    for name, held in listing.kinds.items():
        if held not in ("text", "other", "array", "dicom"):
            continue
        head = listing.head(name)
        for kind in UNREAD:
            if kind.head(head) or re.fullmatch(kind.path, name, re.IGNORECASE):
                found.setdefault(kind.key, []).append(name)
                break
    hints = [
        Hint(
            f"not_read_{key}",
            f"{plural(len(names), 'file')}, such as {names[0]}: {kinds[key].name}, not supported; {kinds[key].remedy}",
        )
        for key, names in sorted(found.items())
    ]
    hints += [Hint("damaged", text) for text in dict.fromkeys(listing.damage)] or _damaged_volumes(listing)
    hints += picture_faults(listing)
    if not listing.of("picture", "lfs", "video", "dicom", "nifti", "array", "parquet"):
        hints.append(Hint("pictures_none", "no picture, volume or video is here: put them into the folder"))
    known = {name for names in found.values() for name in names}
    hints += [*_picture_labels(listing), *_tables_without_boxes(listing), *_other_texts(listing, known)]
    return tuple([*hints, *_parts_alone(listing)] or find_unjoined(listing))


def _parts_alone(listing: Listing) -> list[Hint]:
    """Return hints about DICOM pictures and volumes without segmentations."""
    hints = []
    if names := listing.of("dicom"):
        said = f"{plural(len(names), 'DICOM file')}, such as {names[0]}, without a segmentation (SEG) or NIfTI mask"
        rest = "only these and tables are joined with DICOM: write one of them, or write the pictures as PNG"
        hints.append(Hint("dicom_alone", f"{said} on their grid; {rest}"))
    if names := listing.of("nifti"):
        said = f"{plural(len(names), 'volume')}, such as {names[0]}, only of pictures or only of masks: give both;"
        rest = "a mask has whole numbers from 0, most of them 0, so write probabilities or -1 as such numbers"
        hints.append(Hint("volumes_alone", f"{said} {rest}"))
    return hints


def _picture_labels(listing: Listing) -> list[Hint]:
    """Return a hint about arrays with one label per picture, as in MedMNIST."""
    for name in listing.of("array"):
        try:
            shapes = array_shapes(listing.read(name))
        except MemberProblem:
            continue
        labels = [key for key, (shape, _) in shapes.items() if "label" in key.lower() and len(shape) <= 2]
        if labels and any(len(shape) >= 3 for shape, _ in shapes.values()):
            text = f"{name}: {', '.join(labels[:3])} are labels of whole pictures (MedMNIST), not of objects"
            return [Hint("not_read_picture_labels", f"{text}; sources need boxes, outlines or masks")]
    return []


def _other_texts(listing: Listing, known: Collection[str]) -> list[Hint]:
    """Return hints about JSON of an unknown shape, text lines that begin with pictures, uneven rows and encodings."""
    index, encoded = PictureIndex(listing.photos), _other_encodings(listing)
    hints = []
    for name in listing.of("text"):
        head = listing.head(name)
        line = head.decode("utf-8-sig", "replace").strip().partition("\n")[0]
        if name in known or name in encoded or name in set(find_tables(listing, 2)):
            continue
        if line.startswith(("{", "[", "//", "/*")) and (damage := _json_damage(listing, name)):
            hints.append(Hint("not_read_json", f"{damage}; nothing of it is read"))
        elif line.startswith(("{", "[")):
            said = f"{name} is JSON of an unknown shape ({line[:60]}…): lists of COCO belong at its top, records "
            hints.append(Hint("not_read_json", f"{said}of other JSON must name pictures and hold boxes or outlines"))
        elif shown := _names_pictures(head, index) or _holds_numbers(head):
            said = f"{name} has lines such as {shown[:60]!r}, which no format reads"
            hints.append(Hint("not_read_lines", f"{said}; write a table with one row per box, with its picture"))
        elif uneven := _find_uneven_row(listing.read(name)):
            hints.append(Hint("not_read_table", f"{name}, {uneven}; a table has one row per line, all of equal length"))
    return [*hints[:_MOST], *(Hint("not_read_text", said) for said in encoded.values())]


def _first_lines(head: bytes) -> list[str]:
    return [line.strip() for line in head[:4096].decode("utf-8-sig", "replace").splitlines()[:20] if line.strip()]


def _names_pictures(head: bytes, index: PictureIndex) -> str:
    """Return the first line with a word that is a picture's file name, or an empty string."""
    return next(
        (line for line in _first_lines(head) if any("." in word and index.find(word).member for word in line.split())),
        "",
    )


def _holds_numbers(head: bytes) -> str:
    """Return the first line with four or more numbers between blanks, or an empty string."""
    numbers = re.compile(r"(?:^|\s)-?\d+(?:\.\d+)?(?=\s|$)")
    return next((line for line in _first_lines(head) if "," not in line and len(numbers.findall(line)) >= 4), "")


def _find_uneven_row(data: bytes) -> str:
    """Return in words the first row with another number of columns than the first line, or an empty string."""
    lines = data[:_LOOKED_AT].decode("utf-8-sig", "replace").splitlines()
    separator = max(",;\t", key=lines[0].count) if lines else ","
    columns = lines[0].count(separator) + 1 if lines else 0
    if columns < 4:
        return ""
    for at, line in enumerate(lines, start=1):
        if line.count('"') % 2:
            return f"line {at} has a quotation mark that does not end"
        if line.strip() and '"' not in line and line.count(separator) + 1 != columns:
            return f"line {at} has {line.count(separator) + 1} columns, the first line {columns}"
    return ""


def _other_encodings(listing: Listing) -> dict[str, str]:
    """Return, by name, texts in UTF-16 (where half of the bytes are zero) and texts with zero bytes, in words."""
    found: dict[str, str] = {}
    for name in listing.of("text", "other"):
        head = listing.head(name)[:4096]
        if split_path(name).extension not in _TEXTS or len(found) == _MOST:
            continue
        marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if marked or (head and head.count(0) * 5 > 2 * len(head)):
            found[name] = f"{name} is written in UTF-16: save it as UTF-8"
        elif 0 in head:
            found[name] = f"{name} holds a zero byte (at {head.index(0):,}), so it is not text"
    return found


def _json_damage(listing: Listing, name: str) -> str:
    """Return why a document is not JSON, or an empty string for JSON, JSON lines and documents too large to check."""
    with listing.open(name) as stream:
        data = stream.read(WHOLE_BYTES + 1)
    first, _, rest = data.strip().partition(b"\n")
    try:
        json.loads(first)
        json.loads(rest.partition(b"\n")[0])
        return ""
    except (ValueError, RecursionError):
        pass
    try:
        if len(data) <= WHOLE_BYTES:
            parse_json(data, name)
    except MemberProblem as problem:
        return problem.detail
    return ""


def _damaged_volumes(listing: Listing) -> list[Hint]:
    """Return hints about volumes that cannot be read."""
    hints = []
    for name in listing.of("nifti"):
        try:
            read_volume(listing.read(name), name)
        except MemberProblem as problem:
            flat = problem.reason == "volume_not_3d"
            remedy = "write PNG, or a third axis of one plane" if flat else "copy the file again"
            hints.append(Hint(problem.reason, f"{problem.detail}; {remedy}"))
    return hints[:_MOST]


def _tables_without_boxes(listing: Listing) -> list[Hint]:
    """Return hints about tables that name pictures but hold no boxes."""
    index = PictureIndex(listing.photos)
    hints = []
    for name in find_tables(listing, 2):
        try:
            rows = [row for _, row in zip(range(200), (row for _, row in even_rows(listing, name, 2)), strict=False)]
        except MemberProblem:
            continue
        image = find_pictures(list(rows[0]), rows, index) if rows else None
        joined = image is not None and any(index.find(row.get(image, "")).member for row in rows)
        if joined and guess_columns(list(rows[0]), rows, index) is None:
            others = ", ".join(column for column in rows[0] if column != image)[:120]
            said = f"{name} names pictures in the column {image}, but no four columns of numbers, and no column of "
            said += f"JSON with boxes or of run lengths, are among the others ({others}); write one row per box"
            hints.append(Hint("not_read_table", said))
    return hints
