"""Read Pascal VOC: one XML file per picture, with boxes, also rotated ones (roLabelImg).

Writers use different coordinate frames: first and last pixel from 1 (the devkit), edges with decimals (CVAT). The frame
is proved from all files, or asked.
"""

from collections.abc import Iterator, Mapping
from math import degrees as to_degrees
from xml.etree.ElementTree import Element

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Annotation, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence, decide_frame
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_files
from medmultipoints.transforms.sources.reading.records.xml_tree import number, parse_xml, text
from medmultipoints.transforms.sources.reading.shapes import (
    ZERO_EXTENT,
    Fault,
    Place,
    box_place,
    corners_to_box,
    finite,
    not_finite,
    oriented_place,
)
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ATTRIBUTES = ("difficult", "truncated", "occluded", "pose")


def _is_voc(head: bytes) -> bool:
    if b"<annotation" not in head or b"<annotations" in head or b"<deleted>" in head:
        return False
    return b"<bndbox>" in head or (b"<size>" in head and b"<filename" in head)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the VOC files among the members."""
    listing = listed(files)
    found = listing.texts(_is_voc)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("voc", stated)
    draft.line("format", "voc", f"{plural(len(found), 'XML file')} with <annotation> and <size>, <object> or <bndbox>")
    chosen = choose_joined_files(draft, listing, {name: index.find_own(name) for name in found})
    decide_frame(draft, _gather(draft, listing, chosen))
    return draft.done()


def _gather(draft: Draft, listing: Listing, names: tuple[str, ...]) -> FrameEvidence:
    evidence, differ, other = FrameEvidence(), 0, 0
    index = PictureIndex(listing.photos)
    for name in names:
        try:
            root = parse_xml(listing.read(name), name)
        except MemberProblem:
            continue
        stated = text(root, "filename")
        if split_path(stated).stem not in ("", split_path(name).stem):
            differ += 1
            other += index.find(stated, name).member not in (None, index.find_own(name, stated).member)
        for element in root.iter("object"):
            evidence.add(_corners(element), number(text(root, "size/width")), number(text(root, "size/height")))
    if differ:
        said = f"<filename> differs from the file's own name in {plural(differ, 'file')}"
        if other:
            said += f", and names another picture of this source in {other:,}"
        draft.hint("names_differ", f"{said}; pictures are joined by the file's own name")
    return evidence


def _corners(element: Element) -> tuple[float, ...]:
    return tuple(number(text(element, f"bndbox/{name}")) for name in _CORNERS)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file, joined by the file's stem, else by its <filename>."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_voc), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    root = parse_xml(pictures.listing.read(name), name)
    size = size_of(number(text(root, "size/width")), number(text(root, "size/height")))
    stated = text(root, "filename")
    found = list(_objects(pictures.declaration, name, root, size))
    yield from pictures.join_own(name, stated, found, size)


def _objects(
    declaration: Declaration, name: str, root: Element, size: tuple[int, int] | None
) -> Iterator[Annotation | ReadProblem]:
    for at, element in enumerate(root.iter("object")):
        key, label = f"{name}#{at}", text(element, "name")
        attributes = {word: value for word in _ATTRIBUTES if (value := text(element, word)) not in ("", "0")}
        yield make_annotation(key, label, _place(declaration, element, size), attributes)


def _place(declaration: Declaration, element: Element, size: tuple[int, int] | None) -> Place | Fault:
    if element.find("robndbox") is not None:
        return _rotated(element)
    corners = _corners(element)
    if element.find("bndbox") is None:
        return Fault("box_missing", "the object has no <bndbox>")
    keep = declaration.boxes.degenerate
    if keep == "reject" and (corners[0] == corners[2] or corners[1] == corners[3]):
        return Fault(ZERO_EXTENT, f"the box {', '.join(f'{value:g}' for value in corners)} has no extent")
    box = corners_to_box(corners, declaration.boxes.frame or "edges")
    degrees = number(next((text(one, "value") for one in element.iter("attribute") if _is_rotation(one)), "0"))
    if degrees and finite((*corners, degrees)):
        return oriented_place(box, degrees)
    return box_place(box, corners, size, keep)


def _is_rotation(attribute: Element) -> bool:
    """Return whether an attribute is that by which CVAT rotates a box about its centre."""
    return text(attribute, "name") == "rotation"


def _rotated(element: Element) -> Place | Fault:
    """Return the place of a box of centre, size and an angle in radians, clockwise."""
    cx, cy, w, h, angle = (number(text(element, f"robndbox/{word}")) for word in ("cx", "cy", "w", "h", "angle"))
    if not finite((cx, cy, w, h, angle)):
        return not_finite(f"the rotated box {cx}, {cy}, {w}, {h}, {angle}")
    return oriented_place(Box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), to_degrees(angle))


FORMAT = Format(
    name="voc",
    title="Pascal VOC (XML, boxes)",
    recognise=recognise,
    read=read,
    weight=50,
    lost="parts of objects (<part>) and segmentation masks in other folders",
    export="labelImg: Save as PascalVOC; CVAT: Pascal VOC 1.1; Roboflow: Pascal VOC XML",
    keys=frozenset({"boxes.frame", "boxes.degenerate"}),
)
