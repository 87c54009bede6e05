"""Read LabelMe 3.0 XML: one file per picture, with outlines of points; deleted objects are only marked."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.joining import Pictures, missing
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation, size_of
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    choose_joined_files,
)
from medmultipoints.transforms.sources.reading.records.xml_tree import number, parse_xml, text
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, box_place, corners_to_box, outline_place


def _is_labelme_xml(head: bytes) -> bool:
    if b"<annotation" not in head or b"<annotations" in head or b"<bndbox>" in head:
        return False
    return b"<polygon>" in head or b"<deleted>" in head or b"<imagesize>" in head


def _files(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.of("text") if _is_labelme_xml(listing.head(name)))


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the LabelMe 3.0 files among the members."""
    listing = listed(files)
    found = _files(listing)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("labelme-xml", stated)
    draft.line("format", "labelme-xml", f"{plural(len(found), 'XML file')} with <annotation> and <polygon>")
    joins = {name: _join(index, name, "") for name in found}
    choose_joined_files(draft, listing, joins)
    return draft.done()


def _join(index: PictureIndex, name: str, stated: str) -> Joined:
    own = index.find_stem(split_path(name).stem, name)
    return own if own.member or not stated else index.find(stated, name)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    for name in matching(_files(listing), declaration.annotations):
        try:
            root = parse_xml(listing.read(name), name)
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail)
            continue
        size = size_of(number(text(root, "imagesize/ncols")), number(text(root, "imagesize/nrows")))
        stated = text(root, "filename")
        joined = _join(pictures.index, name, stated)
        found = list(_objects(declaration, name, root, size))
        if joined.member is None:
            yield from missing(joined, stated or split_path(name).stem, name, found)
        else:
            yield from pictures.give(joined.member, found, [name], size)
    yield from pictures.rest()


def _objects(
    declaration: Declaration, name: str, root: Element, size: tuple[int, int] | None
) -> Iterator[Annotation | ReadProblem]:
    for at, element in enumerate(root.iter("object")):
        if text(element, "deleted") == "1":
            continue
        yield make_annotation(f"{name}#{at}", text(element, "name"), _place(declaration, element, size), {})


def _place(declaration: Declaration, element: Element, size: tuple[int, int] | None) -> Place | Fault:
    points = element.findall("polygon/pt")
    numbers = [number(text(point, axis)) for point in points for axis in ("x", "y")]
    if not numbers:
        return Fault("shape_not_read", "the object has no polygon; masks of LabelMe 3.0 are not read", "dropped")
    if text(element, "type") == "bounding_box":
        corners = [min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2])]
        return box_place(corners_to_box(corners), corners, size, declaration.boxes.degenerate)
    return outline_place(numbers)


FORMAT = Format(
    name="labelme-xml",
    title="LabelMe 3.0 XML",
    recognise=recognise,
    read=read,
    weight=83,
    lost="masks (<segm>), parts of objects",
    export="CVAT: LabelMe 3.0",
)
