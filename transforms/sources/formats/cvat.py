"""Read CVAT XML for images: boxes, polygons, ellipses, masks and points, in pixel edges from 0.

Polylines have no area and are dropped. Masks are run lengths, row by row inside their own rectangle.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Annotation, Point
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.frame_numbers import (
    RENUMBERED,
    are_renumbered,
    frame_number,
    numbered_pictures,
    states_frames,
)
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    ask_ellipses,
    choose_joined_documents,
    hint_shapes,
)
from medmultipoints.transforms.sources.reading.records.xml_tree import iterate_xml, number
from medmultipoints.transforms.sources.reading.shapes import (
    Fault,
    Place,
    box_place,
    corners_to_box,
    ellipse_place,
    finite,
    oriented_place,
    outline_place,
    point_place,
)
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton")
Size = tuple[int, int] | None


def is_cvat(head: bytes) -> bool:
    """Return whether a file is a CVAT XML export of images or videos."""
    return b"<annotations" in head and (b"<meta>" in head or b"<image " in head or b"<track " in head)


def _image_files(listing: Listing) -> dict[str, list[tuple[str, Counter[str]]]]:
    """Return the pictures and shape counts of each CVAT file of images, without files of tracks."""
    found: dict[str, list[tuple[str, Counter[str]]]] = {}
    for name in listing.texts(is_cvat):
        try:
            with listing.open(name) as stream:
                images = iterate_xml(stream, name, frozenset({"image"}))
                found[name] = [(image.get("name", ""), _tags(image)) for image in images]
        except MemberProblem:
            found.setdefault(name, [])
    return {name: images for name, images in found.items() if images}


def _tags(image: Element) -> Counter[str]:
    return Counter(child.tag for child in image if child.tag in _SHAPES)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the CVAT files of images among the members."""
    listing = listed(files)
    held = _image_files(listing)
    if not held:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("cvat", stated)
    draft.line("format", "cvat", f"{plural(len(held), 'XML file')} with <annotations> and <image>")
    joins = {name: [(image, index.find(image, name)) for image, _ in images] for name, images in held.items()}
    chosen = choose_joined_documents(draft, listing, joins)
    for name in chosen:
        if _are_renumbered(listing, name, [image for image, _ in held[name]], listing.photos):
            draft.hint("frames_renumbered", f"{RENUMBERED} {name}")
    shapes: Counter[str] = sum((tags for name in chosen for _, tags in held[name]), Counter())
    ask_ellipses(draft, shapes["ellipse"])
    hint_shapes(draft, shapes, ("polyline", "cuboid", "skeleton"))
    return draft.done()


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield the picture of each <image>."""
    return read_documents(declaration, files, lambda listing: listing.texts(is_cvat), _read_file)


def _are_renumbered(listing: Listing, name: str, stated: Iterable[str], pictures: Sequence[str]) -> bool:
    """Return whether the images of a task of a video have other numbers than the pictures of the same frames."""
    if not states_frames(listing, name):
        return False
    frames = [frame_number(image) for image in stated]
    known = {frame for frame in frames if frame is not None}
    numbered = numbered_pictures(name, pictures)
    return None not in frames and bool(known) and are_renumbered(listing, name, known, numbered.keys())


def _read_file(pictures: Pictures, name: str) -> Reading:
    with pictures.listing.open(name) as stream:
        stated = [image.get("name", "") for image in iterate_xml(stream, name, frozenset({"image"}))]
    renumbered = _are_renumbered(pictures.listing, name, stated, pictures.index.names)
    with pictures.listing.open(name) as stream:
        for image in iterate_xml(stream, name, frozenset({"image"})):
            yield from _read_image(pictures, name, image, renumbered)


def _read_image(pictures: Pictures, name: str, image: Element, renumbered: bool) -> Reading:
    stated = image.get("name", "")
    size = size_of(number(image.get("width")), number(image.get("height")))
    prefix = f"{name}#{image.get('id', stated)}"
    found = list(_shapes(pictures.declaration, prefix, image, size))
    joined = Joined(None, "missing") if renumbered else pictures.index.find(stated, name)
    yield from pictures.join(joined, stated, prefix, found, name, size)


def _shapes(declaration: Declaration, prefix: str, image: Element, size: Size) -> Iterator[Annotation | ReadProblem]:
    for at, element in enumerate(child for child in image if child.tag in _SHAPES):
        places = [shape_place(declaration, element, size)]
        if element.tag == "points":
            places = [point_place(Point(x, y)) for x, y in _pairs(element)] or [Fault("point_missing", "no point")]
        for part, place in enumerate(places):
            key = f"{prefix}.{at}" if len(places) == 1 else f"{prefix}.{at}.{part}"
            yield make_annotation(key, element.get("label", ""), place, attributes_of(element))


def attributes_of(element: Element) -> dict[str, str]:
    """Return the attributes of a shape, including whether it is occluded."""
    stated = {child.get("name", ""): (child.text or "").strip() for child in element.iter("attribute")}
    return {**stated, **({"occluded": "1"} if element.get("occluded") == "1" else {})}


def shape_place(declaration: Declaration, element: Element, size: Size) -> Place | Fault:
    """Return the place of an element's shape, or the fault if it has none."""
    readers: dict[str, Callable[[], Place | Fault]] = {
        "box": lambda: box_element(declaration, element, size),
        "polygon": lambda: outline_place([value for pair in _pairs(element) for value in pair]),
        "ellipse": lambda: _ellipse(declaration, element),
        "mask": lambda: _mask(element, size),
        "polyline": lambda: Fault("shape_without_area", "a polyline has no area", "dropped"),
    }
    unread = Fault("shape_not_read", f"shapes <{element.tag}> are not read", "dropped")
    return readers.get(element.tag, lambda: unread)()


def box_element(declaration: Declaration, element: Element, size: Size) -> Place | Fault:
    """Return the place of a <box>, rotated about its centre if it has a rotation."""
    corners = [number(element.get(key)) for key in ("xtl", "ytl", "xbr", "ybr")]
    rotation = number(element.get("rotation", "0"))
    if rotation and finite((*corners, rotation)):
        return oriented_place(corners_to_box(corners), rotation)
    return box_place(corners_to_box(corners), corners, size, declaration.boxes.degenerate)


def _pairs(element: Element) -> list[tuple[float, float]]:
    texts = [text.split(",") for text in element.get("points", "").split(";") if text.strip()]
    return [(number(text[0]), number(text[1])) if len(text) == 2 else (number(None),) * 2 for text in texts]


def _ellipse(declaration: Declaration, element: Element) -> Place | Fault:
    values = [number(element.get(key)) for key in ("cx", "cy", "rx", "ry")]
    return ellipse_place(declaration.shapes.ellipse, values, number(element.get("rotation", "0")))


def _mask(element: Element, size: Size) -> Place | Fault:
    runs = [number(text) for text in element.get("rle", "").split(",")]
    sides = [number(element.get(key)) for key in ("left", "top", "width", "height")]
    if size is None or not finite((*runs, *sides)) or min(*runs, *sides) < 0:
        return Fault("mask_damaged", "the mask has no runs, no rectangle or no size of its picture")
    left, top, width, height = map(int, sides)
    if sum(runs) != width * height or left + width > size[0] or top + height > size[1]:
        return Fault("mask_damaged", f"{sum(runs):g} pixels in a rectangle of {width} x {height} at {left}, {top}")
    pixels = np.repeat(np.arange(len(runs)) % 2, np.asarray(runs, np.int64)).reshape(height, width).astype(np.uint8)
    if not pixels.any():
        return Fault("mask_empty", "the mask has no pixel")
    return Place(rle=encode_rle(pixels, left, top, *size))


FORMAT = Format(
    name="cvat",
    title="CVAT XML for images",
    recognise=recognise,
    read=read,
    weight=90,
    lost="polylines, cuboids, skeletons, tags of whole pictures",
    export="CVAT: CVAT for images 1.1",
    keys=frozenset({"boxes.degenerate", "shapes.ellipse"}),
)
