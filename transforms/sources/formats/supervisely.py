"""Read Supervisely: one JSON per picture, named ``<picture>.<extension>.json``, with objects of a class title.

Corners of rectangles are first and last pixel from 0; bitmaps are zlib-compressed PNGs with an origin.
"""

import base64
import binascii
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Point
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_files, hint_shapes
from medmultipoints.transforms.sources.reading.records.json_rows import parse_json, show
from medmultipoints.transforms.sources.reading.shapes import (
    TOO_FEW_POINTS,
    Fault,
    Place,
    box_place,
    corners_to_box,
    crop_place,
    finite,
    outline,
    outline_place,
    point_place,
    polygon_fault,
    with_holes,
)
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

_MOST_UNPACKED = 256 << 20


def _is_supervisely(head: bytes) -> bool:
    text = bare(head)
    if not text.startswith(b"{") or b'"objects"' not in text or b'"size"' not in text:
        return False
    return b'"classTitle"' in text or (b'"tags"' in text and b'"height"' in text)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the Supervisely files among the members."""
    listing = listed(files)
    found = listing.texts(_is_supervisely)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("supervisely", stated)
    draft.line(
        "format", "supervisely", f"{plural(len(found), 'JSON file')} with size, tags and objects of a classTitle"
    )
    joins = {name: _join(index, name) for name in found}
    chosen = choose_joined_files(draft, listing, joins)
    kinds: Counter[str] = Counter()
    for name in chosen:
        try:
            kinds.update(str(entry.get("geometryType")) for entry in _entries(parse_json(listing.read(name), name)))
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
    hint_shapes(draft, kinds, ("line", "polyline", "cuboid", "graph"))
    return draft.done()


def _join(index: PictureIndex, name: str) -> Joined:
    stem = split_path(name).stem
    joined = index.find(stem, name)
    return joined if joined.member else index.find_stem(stem, name)


def _entries(held: Any) -> list[Mapping[str, Any]]:
    entries = held.get("objects") if isinstance(held, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file, joined by the file's name without ``.json``."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_supervisely), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    held = parse_json(pictures.listing.read(name), name)
    sides = held.get("size") if isinstance(held, dict) else None
    size = size_of(sides.get("width"), sides.get("height")) if isinstance(sides, dict) else None
    found = list(_objects(pictures.declaration, name, held, size))
    yield from pictures.join(_join(pictures.index, name), split_path(name).stem, name, found, name, size)


def _objects(
    declaration: Declaration, name: str, held: Any, size: tuple[int, int] | None
) -> Iterator[Annotation | ReadProblem]:
    for at, entry in enumerate(_entries(held)):
        yield make_annotation(f"{name}#{at}", str(entry.get("classTitle") or ""), _place(declaration, entry, size), {})


def _place(declaration: Declaration, entry: Mapping[str, Any], size: tuple[int, int] | None) -> Place | Fault:
    kind = entry.get("geometryType")
    if kind == "bitmap":
        return _bitmap(entry.get("bitmap"), size)
    points = entry.get("points")
    exterior = points.get("exterior") if isinstance(points, dict) else None
    if not isinstance(exterior, list) or not all(isinstance(point, list) and len(point) == 2 for point in exterior):
        return Fault("points_damaged", f"the points are {show(points)}")
    numbers = [value for point in exterior for value in point]
    if kind == "rectangle" and len(numbers) == 4 and finite(numbers):
        corners = [min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2])]
        return box_place(corners_to_box(corners, "inclusive-0"), corners, size, declaration.boxes.degenerate)
    if kind == "polygon":
        return _with_holes(outline_place(numbers), points.get("interior") if isinstance(points, dict) else None)
    if kind == "point" and len(numbers) >= 2:
        return point_place(Point(numbers[0], numbers[1]))
    return Fault("shape_without_area", f"a shape of kind {show(kind)} has no area that is read", "dropped")


def _with_holes(place: Place | Fault, interior: Any) -> Place | Fault:
    """Return the place of a polygon with its holes cut out."""
    if isinstance(place, Fault) or not isinstance(interior, list):
        return place
    holes = []
    for hole in interior:
        points = hole if isinstance(hole, list) else [None]
        numbers: list[Any] = [value for point in points for value in (point if isinstance(point, list) else [None])]
        fault = polygon_fault(numbers)
        if fault is not None and fault.reason != TOO_FEW_POINTS:  # a hole of two points is none
            return Fault(fault.reason, f"a hole of it: {fault.detail}")
        if fault is None:
            holes.append(outline(numbers))
    return Place(polygons=(with_holes(place.polygons[0], holes),))


def _bitmap(stated: Any, size: tuple[int, int] | None) -> Place | Fault:
    held = stated if isinstance(stated, dict) else {}
    origin = held.get("origin")
    if size is None or not (isinstance(origin, list) and len(origin) == 2 and finite(origin)):
        return Fault("mask_damaged", "the bitmap has no origin, or the picture no size")
    try:
        packed = base64.b64decode(str(held.get("data", "")), validate=True)
        data = zlib.decompressobj().decompress(packed, _MOST_UNPACKED)
    except (binascii.Error, ValueError, zlib.error) as error:
        return Fault("mask_damaged", f"the bitmap is not zlib data in base64: {error}")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if pixels is None:
        return Fault("mask_damaged", "the bitmap is not a PNG")
    flat = pixels[..., -1] if pixels.ndim == 3 else pixels
    return crop_place(flat > 0, int(origin[0]), int(origin[1]), size)


FORMAT = Format(
    name="supervisely",
    title="Supervisely JSON",
    recognise=recognise,
    read=read,
    weight=84,
    lost="lines, cuboids, graphs of key points, tags",
    export="Supervisely: Export to Supervisely format",
    keys=frozenset({"boxes.degenerate"}),
)
