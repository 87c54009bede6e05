"""Read LabelMe 3.0 XML: one file per picture, with outlines of points; deleted objects are only marked."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_files
from medmultipoints.transforms.sources.reading.records.xml_tree import number, parse_xml, text
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, box_place, corners_to_box, outline_place
from medmultipoints.transforms.sources.reading.stated_sizes import size_of


def _is_labelme_xml(head: bytes) -> bool:
    if b"<annotation" not in head or b"<annotations" in head or b"<bndbox>" in head:
        return False
    return b"<polygon>" in head or b"<deleted>" in head or b"<imagesize>" in head


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the LabelMe 3.0 files among the members."""
    listing = listed(files)
    found = listing.texts(_is_labelme_xml)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("labelme-xml", stated)
    draft.line("format", "labelme-xml", f"{plural(len(found), 'XML file')} with <annotation> and <polygon>")
    choose_joined_files(draft, listing, {name: index.find_own(name) for name in found})
    return draft.done()


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_labelme_xml), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    root = parse_xml(pictures.listing.read(name), name)
    size = size_of(number(text(root, "imagesize/ncols")), number(text(root, "imagesize/nrows")))
    stated = text(root, "filename")
    found = list(_objects(pictures.declaration, name, root, size))
    yield from pictures.join_own(name, stated, found, size)


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
    keys=frozenset({"boxes.degenerate"}),
)
