"""Read Pascal VOC: one XML file per picture, with boxes.

Writers use different coordinate frames: first and last pixel from 1 (the devkit), edges with decimals (CVAT). The frame
is proved from all files, or asked.
"""

from collections.abc import Iterator, Mapping
from math import isnan
from xml.etree.ElementTree import Element

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Annotation, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence, decide_frame
from medmultipoints.transforms.sources.reading.joining import Pictures, missing, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_files, in_same_folders, propose_images
from medmultipoints.transforms.sources.reading.records.xml_tree import number, parse_xml, text
from medmultipoints.transforms.sources.reading.shapes import ZERO_EXTENT, Fault, box_fault, corners_to_box

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SIZES = 100
"""Number of files whose stated sizes are compared with their pictures."""
_ATTRIBUTES = ("difficult", "truncated", "occluded", "pose")


def _is_voc(head: bytes) -> bool:
    if b"<annotation" not in head or b"<annotations" in head or b"<deleted>" in head:
        return False
    return b"<bndbox>" in head or (b"<size>" in head and b"<filename" in head)


def _voc_files(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.of("text") if _is_voc(listing.head(name)))


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the VOC files among the members."""
    listing = listed(files)
    found = _voc_files(listing)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("voc", stated)
    draft.line("format", "voc", f"{plural(len(found), 'XML file')} with <annotation> and <size>, <object> or <bndbox>")
    joins = {name: index.find_stem(split_path(name).stem, name) for name in found}
    chosen = choose_files(draft, listing, found, lambda name: joins[name].member or split_path(name).stem)
    evidence = _gather(draft, listing, chosen)
    joined = [join.member for name in chosen if (join := joins[name]).member]
    propose_images(draft, listing, in_same_folders(listing, joined), [n for n in listing.pictures if n not in joined])
    decide_frame(draft, evidence)
    return draft.done()


def _gather(draft: Draft, listing: Listing, names: tuple[str, ...]) -> FrameEvidence:
    evidence, differ, sizes = FrameEvidence(), 0, []
    index = PictureIndex(listing.photos)
    step = max(1, len(names) // _SIZES)
    for at, name in enumerate(names):
        try:
            root = parse_xml(listing.read(name), name)
        except MemberProblem:
            continue
        width, height = number(text(root, "size/width")), number(text(root, "size/height"))
        if at % step == 0 and (real := size_or_none(listing, _join(index, name, text(root, "filename")).member)):
            sizes += [name] if width > 0 and (width, height) != real else []
        differ += split_path(text(root, "filename")).stem not in ("", split_path(name).stem)
        for element in root.iter("object"):
            evidence.add(_corners(element), width, height)
    if sizes:
        said = (
            f"<size> is not that of the picture in {plural(len(sizes), 'file')} of those compared, such as {sizes[0]}"
        )
        draft.hint("sizes_differ", f"{said}; boxes of another size than their picture are rejected")
    if differ:
        said = f"<filename> differs from the file's own name in {plural(differ, 'file')}"
        draft.hint("names_differ", f"{said}; pictures are joined by the file's own name")
    return evidence


def _corners(element: Element) -> tuple[float, ...]:
    return tuple(number(text(element, f"bndbox/{name}")) for name in _CORNERS)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file, joined by the file's stem, else by its <filename>."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    for name in matching(_voc_files(listing), declaration.annotations):
        try:
            root = parse_xml(listing.read(name), name)
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail)
            continue
        yield from _read_file(declaration, pictures, name, root)
    yield from pictures.rest()


def _read_file(declaration: Declaration, pictures: Pictures, name: str, root: Element) -> Reading:
    joined = _join(pictures.index, name, text(root, "filename"))
    picture = joined.member
    width, height = number(text(root, "size/width")), number(text(root, "size/height"))
    size = None if isnan(width) or isnan(height) or width < 1 or height < 1 else (int(width), int(height))
    found = list(_objects(declaration, name, root, size))
    if picture is None:
        yield from missing(joined, text(root, "filename") or split_path(name).stem, name, found)
    else:
        yield from pictures.give(picture, found, [name], size)


def _join(index: PictureIndex, name: str, stated: str) -> Joined:
    own = index.find_stem(split_path(name).stem, name)
    return own if own.member or not stated else index.find(stated, name)


def _objects(
    declaration: Declaration, name: str, root: Element, size: tuple[int, int] | None
) -> Iterator[Annotation | ReadProblem]:
    for at, element in enumerate(root.iter("object")):
        label, corners = text(element, "name"), _corners(element)
        box = corners_to_box(corners, declaration.boxes.frame or "edges")
        fault = box_fault(box, corners, *(size or ()))
        if fault is None and (corners[0] == corners[2] or corners[1] == corners[3]):
            fault = Fault(ZERO_EXTENT, f"the box {', '.join(f'{value:g}' for value in corners)} has no extent")
        if not label:
            fault = Fault("label_missing", "the object has no name")
        key = f"{name}#{at}"
        if fault is not None and not (fault.reason == ZERO_EXTENT and declaration.boxes.degenerate == "keep"):
            yield ReadProblem(key=key, reason=fault.reason, detail=f"{key}: {fault.detail}", label=label or None)
        else:
            attributes = {word: value for word in _ATTRIBUTES if (value := text(element, word)) not in ("", "0")}
            yield Annotation(key=key, label=label, box=box, attributes=attributes)


FORMAT = Format(
    name="voc",
    title="Pascal VOC (XML, boxes)",
    recognise=recognise,
    read=read,
    weight=50,
    lost="parts of objects (<part>) and segmentation masks in other folders",
    export="labelImg: Save as PascalVOC; CVAT: Pascal VOC 1.1; Roboflow: Pascal VOC XML",
)
