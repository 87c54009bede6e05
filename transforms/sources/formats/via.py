"""Read VGG Image Annotator, versions 1 to 3: JSON or CSV of pictures with regions in pixel edges from 0.

Pictures are keyed by file name and size; a picture listed under two sizes with equal regions is read once.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Point
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import Listing, bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    ask_ellipses,
    choose_joined_documents,
    hint_shapes,
)
from medmultipoints.transforms.sources.reading.records.json_rows import parse_json, show
from medmultipoints.transforms.sources.reading.records.row_facts import entry_facts, weigh_columns
from medmultipoints.transforms.sources.reading.records.table_columns import Dialect, text_rows
from medmultipoints.transforms.sources.reading.shapes import (
    Fault,
    Place,
    box_place,
    corners_to_box,
    ellipse_place,
    finite,
    not_finite,
    outline_place,
    point_place,
)

_THIRD = ("", "point", "rect", "circle", "ellipse", "line", "polyline", "polygon")
_DEGREES = 57.29577951308232
_KEYS = re.compile(rb'"(shape_attributes|_via_img_metadata|_via_settings)"')


@dataclass(frozen=True, slots=True)
class _Region:
    shape: Mapping[str, Any]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    filename: str
    regions: tuple[_Region, ...]
    facts: Mapping[str, str]


def _is_via(head: bytes) -> bool:
    text = bare(head)
    if _is_csv(text):
        return True
    if not text.startswith(b"{"):
        return False
    third = b'"metadata"' in text and b'"attribute"' in text and b'"config"' in text
    plain = b'"filename"' in text and b'"regions"' in text and b'"size"' in text
    return bool(_KEYS.search(text)) or third or plain


def _is_csv(text: bytes) -> bool:
    first = text.split(b"\n", 1)[0]
    return b"region_shape_attributes" in first and b"filename" in first


def _csv_entries(listing: Listing, name: str) -> list[_Entry]:
    """Return the entries of a CSV export: one row per region, or an empty row for a picture without regions."""
    rows: dict[tuple[str, str], list[_Region]] = {}
    facts: dict[tuple[str, str], Mapping[str, str]] = {}
    for _, row in text_rows(listing, name, Dialect(",", ".", "utf-8-sig")):
        filename = row.get("filename") or row.get("#filename", "")
        held = rows.setdefault((filename, row.get("file_size", "")), [])
        cells = (row.get(f"{what}_attributes", "") for what in ("region_shape", "region", "file"))
        shape, attributes, own = (parse_json(cell.encode(), name) if cell else {} for cell in cells)
        facts.setdefault((filename, row.get("file_size", "")), entry_facts(own))
        held += _regions([{"shape_attributes": shape, "region_attributes": attributes}] if shape else [])
    return [
        _Entry(f"{name}#{filename}{size}", filename, tuple(regions), facts[filename, size])
        for (filename, size), regions in rows.items()
    ]


def _entries(listing: Listing, name: str) -> list[_Entry]:
    if _is_csv(listing.head(name)):
        return _csv_entries(listing, name)
    held = parse_json(listing.read(name), name)
    if not isinstance(held, dict):
        return []
    if isinstance(held.get("metadata"), dict) and isinstance(held.get("file"), dict):
        return _third_entries(name, held)
    inner = held.get("_via_img_metadata")
    pictures = inner if isinstance(inner, dict) else held
    return [
        _Entry(f"{name}#{key}", str(entry["filename"]), tuple(_regions(entry.get("regions"))), _facts(entry))
        for key, entry in pictures.items()
        if isinstance(entry, dict) and isinstance(entry.get("filename"), str)
    ]


def _facts(entry: Mapping[str, Any]) -> Mapping[str, str]:
    return entry_facts(entry.get("file_attributes"))


def _regions(stated: Any) -> Iterator[_Region]:
    for region in stated.values() if isinstance(stated, dict) else stated if isinstance(stated, list) else ():
        if isinstance(region, dict) and isinstance(region.get("shape_attributes"), dict):
            attributes = region.get("region_attributes")
            yield _Region(region["shape_attributes"], attributes if isinstance(attributes, dict) else {})


def _third_entries(name: str, held: Mapping[str, Any]) -> list[_Entry]:
    """Return the entries of version 3: shapes as numbers, attributes and their options by id."""
    attributes = held.get("attribute")
    known = attributes if isinstance(attributes, dict) else {}
    views = held.get("view") if isinstance(held.get("view"), dict) else {}
    regions: dict[str, list[_Region]] = {str(key): [] for key in held["file"]}
    for entry in held["metadata"].values():
        if not isinstance(entry, dict) or not isinstance(entry.get("xy"), list) or not entry["xy"]:
            continue
        view = views.get(str(entry.get("vid")), {}) if isinstance(views, dict) else {}
        fids = view.get("fid_list") if isinstance(view, dict) else None
        fid = str(fids[0]) if fids else str(entry.get("vid"))
        regions.setdefault(fid, []).append(
            _Region(_third_shape(entry["xy"]), _third_attributes(known, entry.get("av")))
        )
    return [
        _Entry(f"{name}#{key}", str(entry.get("fname") or entry.get("src") or ""), tuple(regions.get(str(key), ())), {})
        for key, entry in held["file"].items()
        if isinstance(entry, dict)
    ]


def _third_shape(xy: list[Any]) -> dict[str, Any]:
    kind = _THIRD[xy[0]] if isinstance(xy[0], int) and 0 < xy[0] < len(_THIRD) else ""
    values = xy[1:]
    names = {
        "point": ("cx", "cy"),
        "rect": ("x", "y", "width", "height"),
        "circle": ("cx", "cy", "r"),
        "ellipse": ("cx", "cy", "rx", "ry"),
    }.get(kind)
    if names is not None:
        return {"name": kind, **dict(zip(names, values, strict=False))}
    return {"name": kind, "all_points_x": values[0::2], "all_points_y": values[1::2]}


def _third_attributes(known: Mapping[str, Any], values: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        attribute = known.get(str(key), {})
        options = attribute.get("options") if isinstance(attribute, dict) else None
        name = attribute.get("aname", key) if isinstance(attribute, dict) else key
        found[str(name)] = options.get(str(value), value) if isinstance(options, dict) else value
    return found


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the VIA files among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("via", stated)
    held: dict[str, list[_Entry]] = {}
    for name in listing.texts(_is_via):
        try:
            held[name] = _entries(listing, name)
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
    held = {name: entries for name, entries in held.items() if entries}
    if not held:
        return None
    draft.line("format", "via", f"{plural(len(held), 'file')} with pictures, regions and shape_attributes")
    joins = {name: [(one.filename, index.find(one.filename, name)) for one in held[name]] for name in held}
    chosen = choose_joined_documents(draft, listing, joins)
    entries = [entry for name in chosen for entry in held[name]]
    _conclude(draft, entries)
    weigh_columns(draft, {entry.filename: entry.facts for entry in entries})
    return draft.done()


def _conclude(draft: Draft, entries: list[_Entry]) -> None:
    regions = [region for entry in entries for region in entry.regions]
    kinds = Counter(str(region.shape.get("name")) for region in regions)
    ask_ellipses(draft, kinds["circle"] + kinds["ellipse"])
    hint_shapes(draft, kinds, ("line", "polyline"))
    repeated = [name for name, count in Counter(entry.filename for entry in entries).items() if count > 1]
    if repeated:
        draft.hint(
            "pictures_repeated", f"{plural(len(repeated), 'picture')} under two sizes, such as {repeated[0]}; read once"
        )
    keys = Counter(key for region in regions for key, value in region.attributes.items() if _chosen(value))
    complete = [key for key, count in keys.items() if count == len(regions)]
    if len(keys) == 1 and complete:
        draft.line("fields.label", complete[0], f"the one attribute that all {plural(len(regions), 'region')} have")
    elif keys:
        said = ", ".join(f"{key} ({count} of {len(regions)})" for key, count in keys.most_common(8))
        likely = complete[0] if len(complete) == 1 else None
        draft.ask("fields.label", f"Which attribute of a region is its label? {said}", list(keys), likely)
    elif regions:
        draft.ask("label", "Regions have no attribute that names them. What is the label of all of them?")


def _chosen(value: Any) -> str:
    """Return the text of an attribute; for check boxes, the only ticked one."""
    if isinstance(value, dict):
        ticked = [str(key) for key, on in value.items() if on]
        return ticked[0] if len(ticked) == 1 else ""
    return value.strip() if isinstance(value, str) else "" if value is None or isinstance(value, list) else str(value)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with its regions; a picture that repeats with equal regions is read once."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_via), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    declaration = pictures.declaration
    seen: dict[str, tuple[_Region, ...]] = {}
    for entry in _entries(pictures.listing, name):
        if seen.get(entry.filename) == entry.regions:
            detail = f"{entry.key}: the same regions of {entry.filename} are there under another size"
            yield ReadProblem(key=entry.key, reason="entry_repeated", detail=detail, verdict="dropped")
            continue
        seen.setdefault(entry.filename, entry.regions)
        found = [
            make_annotation(f"{entry.key}/{at}", _label(declaration, region), _place(declaration, region.shape), {})
            for at, region in enumerate(entry.regions)
        ]
        joined = pictures.index.find(entry.filename, name)
        yield from pictures.join(joined, entry.filename, entry.key, found, name, facts=entry.facts)


def _label(declaration: Declaration, region: _Region) -> str:
    if declaration.label is not None:
        return declaration.label
    key = declaration.fields.get("label")
    if key is None:
        return next((text for value in region.attributes.values() if (text := _chosen(value))), "unnamed")
    return _chosen(region.attributes.get(key))


def _place(declaration: Declaration, shape: Mapping[str, Any]) -> Place | Fault:
    kind = shape.get("name")
    if kind == "rect":
        values: list[Any] = [shape.get(key) for key in ("x", "y", "width", "height")]
        if not finite(values):
            return not_finite(f"the rectangle {show(values)}")
        x, y, w, h = values
        return box_place(corners_to_box([x, y, x + w, y + h]), values, None, declaration.boxes.degenerate)
    if kind == "polygon":
        xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
        if not (isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys)):
            return Fault("points_damaged", "all_points_x and all_points_y are not lists of equal length")
        return outline_place([value for pair in zip(xs, ys, strict=True) for value in pair])
    if kind in ("circle", "ellipse"):
        radii = [shape.get("r")] * 2 if kind == "circle" else [shape.get("rx"), shape.get("ry")]
        values, angle = [shape.get("cx"), shape.get("cy"), *radii], shape.get("theta") or 0
        if not finite([*values, angle]):
            return not_finite(f"the {kind} {show([*values, angle])}", "ellipse_damaged")
        numbers = [float(value) for value in values if value is not None]
        return ellipse_place(declaration.shapes.ellipse, numbers, float(angle) * _DEGREES)
    if kind == "point" and finite((shape.get("cx"), shape.get("cy"))):
        return point_place(Point(float(shape["cx"]), float(shape["cy"])))
    return Fault("shape_without_area", f"a shape of kind {show(kind)} has no area that is read", "dropped")


FORMAT = Format(
    name="via",
    title="VGG Image Annotator (VIA 1, 2, 3)",
    recognise=recognise,
    read=read,
    weight=82,
    lost="lines and polylines, attributes other than the label, temporal segments",
    export="VIA: Annotation, Export Annotations (as JSON or CSV)",
    keys=frozenset({"boxes.degenerate", "shapes.ellipse", "label", "fields.label"}),
)
