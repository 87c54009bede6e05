"""Read COCO panoptic: a JSON of segments, and one PNG per picture with colours r + 256 g + 65536 b = id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import LAYER_KEYS, Format
from medmultipoints.transforms.sources.reading.joining import MISSING, Pictures, missing, not_found
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.path_patterns import hole_columns
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    choose_documents,
    hint_crowds,
    hint_missing,
    in_same_folders,
    propose_images,
)
from medmultipoints.transforms.sources.reading.records.json_rows import JsonDocument, first_item


def _documents(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.of("text") if _is_panoptic(listing, name))


def _is_panoptic(listing: Listing, name: str) -> bool:
    head = listing.head(name).lstrip()
    if not head.startswith(b"{") or not any(word in head for word in (b'"images"', b'"annotations"', b'"categories"')):
        return False
    try:
        first = first_item(listing, name, "annotations")
    except MemberProblem:
        return False
    return isinstance(first, dict) and isinstance(first.get("segments_info"), list)


@dataclass
class _Document:
    """A JSON document: pictures by id, names of thing categories by id, and ids of stuff categories."""

    pictures: dict[Any, str] = field(default_factory=dict)
    things: dict[Any, str] = field(default_factory=dict)
    stuff: frozenset[Any] = frozenset()

    @classmethod
    def load(cls, document: JsonDocument) -> "_Document":
        """Read the pictures and categories of a document."""
        entries = [entry for entry in document.items("categories") if isinstance(entry, dict)]
        images = [entry for entry in document.items("images") if isinstance(entry, dict)]
        return cls(
            {_id(entry): str(entry.get("file_name", "")) for entry in images},
            {_id(entry): str(entry.get("name", "")) for entry in entries if entry.get("isthing", 1)},
            frozenset(_id(entry) for entry in entries if not entry.get("isthing", 1)),
        )


def _id(entry: Mapping[str, Any], key: str = "id") -> int | str | None:
    """Return an id, or None for values that are no id."""
    held = entry.get(key)
    return held if isinstance(held, int | str) else None


def _segments(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in entry.get("segments_info") or () if isinstance(one, dict) and isinstance(one.get("id"), int)]


def _colour(number: int) -> str:
    return f"{number % 256},{number // 256 % 256},{number // 65536 % 256}"


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the panoptic JSON files among the members."""
    listing = listed(files)
    draft = Draft("coco-panoptic", stated)
    index = PictureIndex(listing.photos)
    found: dict[str, frozenset[str]] = {}
    joined: set[str] = set()
    stuff = crowds = 0
    for name in _documents(listing):
        document = JsonDocument(listing, name)
        held = _Document.load(document)
        joins = {stated: index.find(stated, name) for stated in held.pictures.values()}
        found[name] = frozenset(join.member or stated for stated, join in joins.items())
        joined |= {join.member for join in joins.values() if join.member}
        hint_missing(draft, name, list(joins.values()))
        for entry in document.items("annotations"):
            segments = _segments(entry) if isinstance(entry, dict) else []
            stuff += sum(_id(one, "category_id") in held.stuff for one in segments)
            crowds += sum(one.get("iscrowd") == 1 for one in segments)
    if not found:
        return None
    draft.line("format", "coco-panoptic", f"{plural(len(found), 'JSON file')} with segments_info")
    choose_documents(draft, listing, found)
    propose_images(draft, listing, in_same_folders(listing, sorted(joined)), listing.pictures)
    if stuff:
        draft.hint("stuff", f"{plural(stuff, 'segment')} of stuff categories (isthing 0); left out")
    hint_crowds(draft, crowds)
    return draft.done()


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with the layer of its segments; colours are decoded later."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    drawn = PictureIndex(tuple(sorted(set(listing.pictures) - set(pictures.index.names))))
    given: set[str] = set()
    for name in matching(_documents(listing), declaration.annotations):
        columns = hole_columns(name, declaration.annotations)
        try:
            document = JsonDocument(listing, name)
            held = _Document.load(document)
            for entry in document.items("annotations"):
                if isinstance(entry, dict):
                    yield from _read_entry(declaration, pictures, drawn, _Place(name, held, columns, given), entry)
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail)
    for name in pictures.index.names:
        if name not in given:
            yield AnnotatedPicture(member=name, name=name, annotated=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """The document of an entry, and the pictures that were yielded before."""

    name: str
    held: _Document
    columns: Mapping[str, str]
    given: set[str]


def _read_entry(
    declaration: Declaration, pictures: Pictures, drawn: PictureIndex, place: _Place, entry: Mapping[str, Any]
) -> Reading:
    key = f"{place.name}#{entry.get('image_id')}"
    stated = place.held.pictures.get(_id(entry, "image_id"), "")
    joined = pictures.index.find(stated, place.name)
    mask = drawn.find(str(entry.get("file_name", "")), f"{place.name.rpartition('.')[0]}/x").member
    if joined.member is None:
        yield from missing(joined, stated, key, ())
    elif mask is None:
        detail = f"{key}: {not_found(entry.get('file_name'), 'PNG')}"
        yield ReadProblem(key=key, reason=MISSING, detail=detail, picture=joined.member)
    elif joined.member not in place.given:
        place.given.add(joined.member)
        segments = _segments(entry)
        for one in segments:
            if (category := _id(one, "category_id")) not in place.held.things.keys() | place.held.stuff:
                detail = f"{key}: category {category!r} of segment {one['id']} is not listed"
                yield ReadProblem(
                    key=f"{key}/{one['id']}", reason="category_unknown", detail=detail, picture=joined.member
                )
        yield AnnotatedPicture(
            member=joined.member,
            name=joined.member,
            layers=_layers(declaration, mask, place.held, segments),
            read_from=(place.name, mask),
            columns=place.columns,
        )


def _layers(
    declaration: Declaration, mask: str, held: _Document, segments: list[Mapping[str, Any]]
) -> tuple[MaskLayer, ...]:
    """Return the layer of things with one object per segment; stuff and crowds are ignored areas."""
    counted = [one for one in segments if _id(one, "category_id") in held.things and one.get("iscrowd") != 1]
    labels = {_colour(int(one["id"])): held.things[_id(one, "category_id")] for one in counted}
    ignored = tuple(_colour(int(one["id"])) for one in segments if one not in counted)
    if not labels:
        return ()
    area = declaration.masks.min_area_px
    return (MaskLayer(member=mask, kind="rgb", object="value", labels=labels, ignore=ignored, min_area_px=area),)


FORMAT = Format(
    name="coco-panoptic",
    title="COCO panoptic (JSON of segments, PNGs of ids)",
    recognise=recognise,
    read=read,
    weight=82,
    lost="segments of stuff (isthing 0) and crowds, which are not objects",
    export="panopticapi; Detectron2",
    keys=LAYER_KEYS,
)
