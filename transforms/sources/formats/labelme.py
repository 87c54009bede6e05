"""Read LabelMe JSON: one file per picture, shapes in pixel edges from 0; also written by X-AnyLabeling.

A rectangle is two corners in any order, a circle its centre and a point of its circumference, a mask a PNG inside its
rectangle.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Point
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.joining import MISSING, Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation, read_label
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, ask_ellipses, choose_joined_files, hint_shapes
from medmultipoints.transforms.sources.reading.records.json_rows import parse_json, show
from medmultipoints.transforms.sources.reading.shapes import (
    Fault,
    Place,
    box_place,
    corners_place,
    corners_to_box,
    crop_place,
    ellipse_place,
    finite,
    not_finite,
    outline,
    outline_place,
    point_place,
)
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')


def _is_labelme(head: bytes) -> bool:
    text = bare(head)
    return text.startswith(b"{") and bool(_SHAPES.search(text)) and (b'"imagePath"' in text or b'"points"' in text)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the LabelMe files among the members."""
    listing = listed(files)
    found = listing.texts(_is_labelme)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("labelme", stated)
    draft.line("format", "labelme", f"{plural(len(found), 'JSON file')} with shapes and imagePath")
    kinds: Counter[str] = Counter()
    groups = embedded = 0
    joins: dict[str, Joined] = {}
    for name in found:
        try:
            held = parse_json(listing.read(name), name)
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            held = {}
        shapes = _shapes(held)
        joins[name] = index.find_own(name, _stated(held))
        embedded += joins[name].member is None and _holds_picture(held)
        kinds.update(str(shape.get("shape_type") or "polygon") for shape in shapes)
        grouped = Counter((str(shape.get("label")), str(shape.get("group_id"))) for shape in shapes)
        groups += sum(count > 1 for (_, group), count in grouped.items() if group != "None")
    choose_joined_files(draft, listing, joins)
    if embedded:
        said = f"{plural(embedded, 'file')} hold their picture themselves (imageData), which is not read"
        draft.hint("pictures_embedded", f"{said}: write it as a file, as docs/formats.md shows")
    ask_ellipses(draft, kinds["circle"])
    if groups:
        text = f"{plural(groups, 'time')} shapes of one label share a group_id. Are they parts of one object?"
        draft.ask("shapes.grouped", text, ["one", "each"], "one")
    hint_shapes(draft, kinds, ("line", "linestrip"))
    return draft.done()


def _shapes(held: Any) -> list[Mapping[str, Any]]:
    shapes = held.get("shapes") if isinstance(held, dict) else None
    return [shape for shape in shapes if isinstance(shape, dict)] if isinstance(shapes, list) else []


def _stated(held: Any) -> str:
    stated = held.get("imagePath") if isinstance(held, dict) else None
    return stated if isinstance(stated, str) else ""


def _holds_picture(held: Any) -> bool:
    return isinstance(held, dict) and isinstance(held.get("imageData"), str)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file, joined by the file's stem, else by imagePath."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_labelme), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    held = parse_json(pictures.listing.read(name), name)
    size = size_of(held.get("imageWidth"), held.get("imageHeight")) if isinstance(held, dict) else None
    stated = _stated(held)
    found = list(_objects(pictures.declaration, name, _shapes(held), size))
    for item in pictures.join_own(name, stated, found, size):
        if isinstance(item, ReadProblem) and item.reason == MISSING and _holds_picture(held):
            item = replace(item, detail=f"{item.detail}; {name} holds it itself (imageData): write it as a file")
        yield item


def _objects(
    declaration: Declaration, name: str, shapes: Sequence[Mapping[str, Any]], size: tuple[int, int] | None
) -> Iterator[Annotation | ReadProblem]:
    parts: dict[tuple[str, str], list[Annotation]] = {}
    for at, shape in enumerate(shapes):
        label = shape.get("label")
        attributes = {"group_id": str(shape["group_id"])} if shape.get("group_id") is not None else {}
        made = make_annotation(f"{name}#{at}", read_label(label), _place(declaration, shape, size), attributes)
        if isinstance(made, Annotation) and attributes and made.polygons and declaration.shapes.grouped == "one":
            parts.setdefault((made.label, attributes["group_id"]), []).append(made)
        else:
            yield made
    for held in parts.values():
        first = held[0]
        polygons = tuple(polygon for part in held for polygon in part.polygons)
        yield Annotation(key=first.key, label=first.label, polygons=polygons, attributes=first.attributes)


def _place(declaration: Declaration, shape: Mapping[str, Any], size: tuple[int, int] | None) -> Place | Fault:
    kind = str(shape.get("shape_type") or "polygon")
    points = shape.get("points")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        return Fault("points_damaged", f"the points are {show(points)}")
    numbers = [value for point in points for value in point]
    if not finite(numbers):
        return not_finite(f"the outline {show(points)}", "points_damaged")
    if kind == "polygon":
        return outline_place(numbers)
    if kind == "rectangle" and len(points) >= 2:
        xs, ys = numbers[0::2], numbers[1::2]
        corners = [min(xs), min(ys), max(xs), max(ys)]
        return box_place(corners_to_box(corners), corners, size, declaration.boxes.degenerate)
    return _other_place(declaration, kind, numbers, shape, size)


def _other_place(
    declaration: Declaration,
    kind: str,
    numbers: Sequence[float],
    shape: Mapping[str, Any],
    size: tuple[int, int] | None,
) -> Place | Fault:
    if kind == "circle" and len(numbers) == 4:
        cx, cy, x, y = numbers
        radius = float(np.hypot(x - cx, y - cy))
        return ellipse_place(declaration.shapes.ellipse, [cx, cy, radius, radius])
    if kind == "point" and numbers:
        return point_place(Point(numbers[0], numbers[1]))
    if kind == "rotation" and len(numbers) == 8:
        return corners_place(outline(numbers))
    if kind == "mask" and len(numbers) >= 4:
        return _mask(shape.get("mask"), numbers, size)
    return Fault("shape_without_area", f"a shape of kind {kind} has no area that is read", "dropped")


def _mask(stated: Any, numbers: Sequence[float], size: tuple[int, int] | None) -> Place | Fault:
    """Return the place of a base64 PNG whose first pixel is at the rectangle's top-left corner."""
    try:
        data = base64.b64decode(stated if isinstance(stated, str) else "", validate=True)
    except (binascii.Error, ValueError) as error:
        return Fault("mask_damaged", f"the mask is not valid base64: {error}")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    left, top = int(min(numbers[0::2])), int(min(numbers[1::2]))
    if pixels is None or size is None:
        return Fault("mask_damaged", "the mask is not a PNG, or the size of the picture is unknown")
    return crop_place(pixels > 0, left, top, size)


FORMAT = Format(
    name="labelme",
    title="LabelMe JSON",
    recognise=recognise,
    read=read,
    weight=85,
    lost="lines and line strips; flags of whole pictures; the picture in the file (imageData)",
    export="LabelMe saves it next to each picture; X-AnyLabeling: Save",
    keys=frozenset({"boxes.degenerate", "shapes.ellipse", "shapes.grouped"}),
)
