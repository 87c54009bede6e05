"""Read outlines of slide viewers in pixel edges from 0: XML of ImageScope and ASAP, GeoJSON of QuPath."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Polygon
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_files
from medmultipoints.transforms.sources.reading.records.json_rows import parse_json, show
from medmultipoints.transforms.sources.reading.records.xml_tree import number, parse_xml
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, extent, outline, polygon_fault, with_holes

_AREAS: Final = frozenset({"0", "1"})
"""Types of ImageScope's regions with an outline: drawn ones and rectangles, not ellipses, arrows and rulers."""
_ASAP_AREAS: Final = frozenset({"Polygon", "Spline", "Rectangle"})
_NO_AREA: Final = "has no outline that is read"


@dataclass(frozen=True, slots=True)
class _Shape:
    """An object of a file; ``label`` is empty if the file has none."""

    label: str
    place: Place | Fault


def _is_outlines(head: bytes) -> bool:
    text = bare(head)
    if text.startswith(b"<"):
        return b"<ASAP_Annotations" in text or (b"<Annotations" in text and b"<Regions" in text)
    return text.startswith((b"{", b"[")) and (
        b'"FeatureCollection"' in text or (b'"Feature"' in text and b'"geometry"' in text)
    )


def _shapes(listing: Listing, name: str) -> list[_Shape]:
    """Return the objects of a file. Raise MemberProblem if it is damaged."""
    data = listing.read(name)
    if not bare(data).startswith(b"<"):
        return list(_geojson(parse_json(data, name)))
    root = parse_xml(data, name)
    return list(_asap(root) if root.tag == "ASAP_Annotations" else _image_scope(root))


def _image_scope(root: Element) -> Iterator[_Shape]:
    for layer in root.iter("Annotation"):
        named = [item.get("Name", "") for item in layer.iterfind("Attributes/Attribute")]
        own = layer.get("Name") or next((name for name in named if name and name != "Description"), "")
        for region in layer.iterfind("Regions/Region"):
            kind = region.get("Type", "0")
            points = [
                value
                for vertex in region.iterfind("Vertices/Vertex")
                for value in (number(vertex.get("X")), number(vertex.get("Y")))
            ]
            if region.get("NegativeROA") == "1":
                place: Place | Fault = Fault("negative_region", "a region is cut out of others, which is not read")
            elif kind not in _AREAS:
                place = Fault("shape_without_area", f"a region of type {kind} {_NO_AREA}", "dropped")
            else:
                place = _place([[points]])
            yield _Shape(own or region.get("Text", ""), place)


def _asap(root: Element) -> Iterator[_Shape]:
    for item in root.iter("Annotation"):
        group, kind = item.get("PartOfGroup", "None"), item.get("Type", "")
        points = [
            value
            for corner in sorted(item.iter("Coordinate"), key=lambda corner: number(corner.get("Order")))
            for value in (number(corner.get("X")), number(corner.get("Y")))
        ]
        fault = Fault("shape_without_area", f"a shape of type {kind} {_NO_AREA}", "dropped")
        yield _Shape("" if group == "None" else group, _place([[points]]) if kind in _ASAP_AREAS else fault)


def _geojson(held: Any) -> Iterator[_Shape]:
    features = held.get("features", [held]) if isinstance(held, dict) else held
    for feature in features if isinstance(features, list) else ():
        if not isinstance(feature, dict):
            continue
        geometry = feature.get("geometry")
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        rings = geometry.get("coordinates") if isinstance(geometry, dict) else None
        if kind not in ("Polygon", "MultiPolygon"):
            place: Place | Fault = Fault("shape_without_area", f"a geometry {show(kind)} {_NO_AREA}", "dropped")
        else:
            place = _place(_flat([rings] if kind == "Polygon" else rings))
        yield _Shape(_class_of(feature.get("properties")), place)


def _flat(polygons: Any) -> list[list[list[Any]]]:
    """Return the rings of polygons as flat numbers; invalid polygons become a ring without numbers."""
    try:
        return [[[value for point in ring for value in point[:2]] for ring in rings] for rings in polygons]
    except TypeError:
        return [[[]]]


def _class_of(properties: Any) -> str:
    """Return the class of a feature, from QuPath's classification or plain properties."""
    held = properties if isinstance(properties, dict) else {}
    found = held.get("classification") or held.get("class") or held.get("label") or held.get("name")
    if isinstance(found, dict):
        found = found.get("name") or ": ".join(map(str, found.get("names") or ()))
    return found if isinstance(found, str) else ""


def _place(polygons: list[list[list[Any]]]) -> Place | Fault:
    """Return the place of polygons, each an outline with holes, or the first fault."""
    faults = [fault for rings in polygons for ring in rings if (fault := polygon_fault(ring))]
    if faults or not polygons or not all(polygons):
        return faults[0] if faults else Fault("polygon_too_few_points", "the outline has no points")
    made: tuple[Polygon, ...] = tuple(with_holes(outline(rings[0]), map(outline, rings[1:])) for rings in polygons)
    return Place(polygons=made)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the outlines of slide viewers among the members."""
    listing = listed(files)
    found = listing.texts(_is_outlines)
    if not found:
        return None
    index = PictureIndex(listing.photos)
    draft = Draft("outlines", stated)
    draft.line("format", "outlines", f"{plural(len(found), 'file')} of outlines (ImageScope, ASAP, GeoJSON)")
    joins = {name: index.find_own(name, split_path(name).stem) for name in found}
    chosen = choose_joined_files(draft, listing, joins)
    nameless = beyond = 0
    for name in chosen:
        size = size_or_none(listing, joins[name].member)
        try:
            shapes = [shape for shape in _shapes(listing, name) if isinstance(shape.place, Place)]
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        nameless += sum(not shape.label.strip() for shape in shapes)
        beyond += sum(size is not None and _passes(shape.place, size) for shape in shapes)
    if nameless:
        draft.ask("label", f"{plural(nameless, 'outline')} without a class. What is the label of these?")
    if beyond:
        said = f"{plural(beyond, 'outline')} beyond the picture's frame: drawn on a slide of another size?"
        draft.hint("beyond_frame", said)
    return draft.done()


def _passes(place: Place | Fault, size: tuple[int, int]) -> bool:
    held = extent(place.polygons) if isinstance(place, Place) else None
    return held is not None and (held.x1 < -1 or held.y1 < -1 or held.x2 > size[0] + 1 or held.y2 > size[1] + 1)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_outlines), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    unnamed = pictures.declaration.label or "object"
    found = [
        make_annotation(f"{name}#{at}", shape.label.strip() or unnamed, shape.place, {})
        for at, shape in enumerate(_shapes(pictures.listing, name))
    ]
    stem = split_path(name).stem
    joined = pictures.index.find_own(name, stem)
    yield from pictures.join(joined, stem, name, found, name)


FORMAT = Format(
    name="outlines",
    title="Outlines of slide viewers (ImageScope XML, ASAP XML, GeoJSON of QuPath)",
    recognise=recognise,
    read=read,
    weight=60,
    lost="ellipses, points, lines, measurements; regions cut out of others (NegativeROA); levels of whole slides",
    export="QuPath: File, Export objects as GeoJSON; ImageScope and ASAP save their XML",
    keys=frozenset({"label"}),
)
