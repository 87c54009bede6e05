"""Read JSON of pictures with objects: a list of records, one record per line, or records by picture name.

The fields of picture, objects, labels and places are found by their values and recorded in ``[read] fields``. This
format is tried last, if no format of a tool reads the files.
"""

import ast
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import SIDES, Annotation, Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import BOX_KEYS, Format, field_keys
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.box_forms import FormEvidence, decide_form, declared_place
from medmultipoints.transforms.sources.reading.class_names import ask_class_names, class_name
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_documents, hint_crowds
from medmultipoints.transforms.sources.reading.records.json_objects import (
    KEY,
    RINGS,
    SELF,
    Record,
    find_picture,
    find_places,
    flat_outline,
    is_table,
    name_lists,
    objects_of,
    picture_name,
    stated_size,
    value_at,
)
from medmultipoints.transforms.sources.reading.records.json_rows import WHOLE_BYTES, parse_json, show
from medmultipoints.transforms.sources.reading.records.table_columns import CROWDS, Row, find_dialect
from medmultipoints.transforms.sources.reading.records.table_rows import find_tables, table_rows
from medmultipoints.transforms.sources.reading.shapes import (
    Fault,
    Place,
    finite,
    outline,
    outline_place,
    polygon_fault,
    with_holes,
)

_SAMPLED: Final = 200
_EDGES: Final = SIDES


def _documents(listing: Listing) -> tuple[str, ...]:
    """Return the text files that begin like JSON, and tables."""
    starts = (b"{", b"[")
    return (*listing.texts(lambda head: bare(head).startswith(starts)), *find_tables(listing, 2))


def _row_record(row: Row) -> Record:
    """Return the cells of a table's row, with lists and tables parsed, as JSON or as Python and pandas write them."""
    return {column: _parsed(text) if text[:1] in ("[", "{", "(") else text for column, text in row.items()}


def _parsed(text: str) -> Any:
    for parse in (json.loads, _python_value):
        with suppress(ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            value = parse(text)
            return value if isinstance(value, list | dict) else text
    return text


def _python_value(text: str) -> Any:
    """Return a value that Python wrote, with lists for its tuples. Raise TypeError for one that JSON has not."""
    return json.loads(json.dumps(ast.literal_eval(text)))


def _records(listing: Listing, name: str) -> list[tuple[str, Record]]:
    """Return the records of a document with their keys. Raise MemberProblem if it is not JSON or too large."""
    if find_dialect(listing.head(name), 2) and listing.head(name)[:1] not in (b"{", b"["):
        return [(f"{name}#{line}", _row_record(row)) for line, row in table_rows(listing, name, 2)]
    with listing.open(name) as stream:
        data = stream.read(WHOLE_BYTES + 1)
    if len(data) > WHOLE_BYTES:
        raise MemberProblem("json_too_large", f"{name} is larger than {WHOLE_BYTES >> 20} MB; write COCO instead")
    try:
        held = parse_json(data, name)
    except MemberProblem:
        held = _lines(data)
        if held is None:
            raise
    found = _listed(held) or _by_name(held)
    if not found and isinstance(held, dict):
        found = [("", {KEY: split_path(name).stem, **held})]
    return [(f"{name}#{key}" if key else name, record) for key, record in found]


def _lines(data: bytes) -> list[Any] | None:
    """Return the values of JSON lines, or None if a line is not JSON."""
    try:
        return [json.loads(line) for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _listed(held: Any) -> list[tuple[str, Record]]:
    """Return the objects of a list, given directly or under the only key with such a list."""
    if isinstance(held, dict):
        lists = [
            value for value in held.values() if isinstance(value, list) and any(isinstance(v, dict) for v in value)
        ]
        if len(lists) > 1 and not {"images", "annotations"} <= held.keys():
            lists = [
                value for value in lists if find_places([one for one in value[:_SAMPLED] if isinstance(one, dict)])
            ]
        held = lists[0] if len(lists) == 1 and KEY not in held and not find_places([held]) else None
    if not isinstance(held, list):
        return []
    return [(str(at), one) for at, one in enumerate(held) if isinstance(one, dict)]


def _by_name(held: Any) -> list[tuple[str, Record]]:
    """Return the records keyed by picture name: objects, or lists of them."""
    if not isinstance(held, dict):
        return []
    tables = {name: value for name, value in held.items() if isinstance(value, dict)}
    if tables and len(tables) == len(held):
        return [(name, {KEY: name, **value}) for name, value in tables.items()]
    if held and all(isinstance(value, list) for value in held.values()):
        return [(name, {KEY: name, "objects": value}) for name, value in held.items()]
    return _below_key(held)


def _below_key(held: Mapping[str, Any]) -> list[tuple[str, Record]]:
    """Return the records of the only table of tables with objects in one below a key, such as ``assets`` of VoTT."""
    found = [(key, list(value.items())) for key, value in held.items() if isinstance(value, dict) and is_table(value)]
    lists = [rows for _, rows in found if (find_places([row for _, row in rows]) or {}).get("objects", SELF) != SELF]
    return [(name, {KEY: name, **row}) for name, row in lists[0]] if len(lists) == 1 else []


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the JSON documents of picture records among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("json", stated)
    held: dict[str, list[tuple[str, Record]]] = {}
    for name in _documents(listing):
        try:
            records = _records(listing, name)
        except MemberProblem:
            continue
        if records:
            held[name] = records
    fields = _find_fields(draft, index, held)
    if fields is None:
        return None
    if draft.states("label") is not None and draft.states("fields.label") is None:
        fields.pop("label", None)
    held = {name: rows for name, rows in held.items() if any(value_at(row, fields["image"]) for _, row in rows)}
    draft.line("format", "json", f"{plural(len(held), 'document')} of pictures with objects")
    joins = {
        name: [(f"{name} {at}", _join(index, _name(row, fields), name)) for at, (_, row) in enumerate(rows)]
        for name, rows in held.items()
    }
    chosen = choose_joined_documents(draft, listing, joins)
    for key, path in fields.items():
        draft.line(f"fields.{key}", path, "values that join pictures" if key == "image" else "by its values")
    _decide(draft, listing, index, {name: [row for _, row in held[name]] for name in chosen}, fields)
    return draft.done()


def _find_fields(
    draft: Draft, index: PictureIndex, held: Mapping[str, Sequence[tuple[str, Record]]]
) -> dict[str, str] | None:
    """Return the fields of picture, objects, label and place, from the largest document with all of them."""
    given = draft.states("fields")
    if isinstance(given, Mapping) and {"image", "objects"} <= given.keys():
        return {str(key): str(value) for key, value in given.items()}
    several = [rows for rows in held.values() if len(rows) > 1]
    alone = [row for rows in held.values() if len(rows) == 1 for _, row in rows]
    for records in (*sorted(([row for _, row in rows] for rows in several), key=len, reverse=True), alone):
        sampled = records[:: max(1, len(records) // _SAMPLED)][:_SAMPLED]
        image = find_picture(sampled, index)
        places = find_places(records) if image else None
        if image and places and places["objects"] != image:
            return {"image": image, **places}
    return None


def _name(record: Record, fields: Mapping[str, str]) -> str:
    return picture_name(value_at(record, fields["image"])) or ""


def _join(index: PictureIndex, stated: str, near: str) -> Joined:
    """Return the picture of a name, or of its longest beginning if the whole name joins none."""
    whole = index.find(stated, near)
    return whole if whole.join != "missing" else index.find_beginning(stated, near)


@dataclass
class _Seen:
    """What the objects of all records have: boxes, labels, words of other fields, flags of crowds."""

    forms: FormEvidence = field(default_factory=FormEvidence)
    corners: FrameEvidence = field(default_factory=FrameEvidence)
    labels: set[Any] = field(default_factory=set)
    words: dict[str, set[str]] = field(default_factory=dict)
    crowds: int = 0

    def add(self, one: Record, fields: Mapping[str, str], size: tuple[int, int] | None) -> None:
        self.labels.add(show(value_at(one, fields["label"])) if "label" in fields else None)
        self.crowds += _is_crowd(one)
        for key, value in one.items():
            if isinstance(value, str) and key not in fields.values():
                self.words.setdefault(key, set()).add(value)
        numbers = _numbers(one, fields)
        if numbers is not None and finite(numbers) and not _outline(one, fields):
            self.forms.add(numbers, size)
            self.corners.add(numbers, *(size or (0, 0)))


def _decide(
    draft: Draft,
    listing: Listing,
    index: PictureIndex,
    records: Mapping[str, Sequence[Record]],
    fields: Mapping[str, str],
) -> None:
    """Propose or ask the meaning of box numbers and labels."""
    seen = _Seen()
    for record in (record for held in records.values() for record in held):
        size = size_or_none(listing, _join(index, _name(record, fields), "").member)
        try:
            objects = objects_of(record, fields)
        except ValueError:
            continue
        for one in objects:
            seen.add(one, fields, size)
    decide_form(draft, seen.forms, None, seen.corners)
    hint_crowds(draft, seen.crowds)
    if seen.labels <= {None} and "label" not in fields:
        words = ((key, held) for key, held in seen.words.items() if len(held) <= 100)
        said = "; ".join(f"{key}: {', '.join(sorted(held)[:5])}" for key, held in words)
        text = "Objects have no label. What is the label of all of them?"
        draft.ask("label", f"{text} Or name its field: fields.label ({said})." if said else text)
    elif seen.labels and all(label is not None and label.isdecimal() for label in seen.labels):
        ask_class_names(draft, listing, (), sorted(map(int, seen.labels)), _names_in(listing, records))


def _names_in(listing: Listing, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the lists of names of class numbers that documents hold."""
    found: dict[tuple[str, ...], None] = {}
    for name in names:
        try:
            found |= dict.fromkeys(name_lists(parse_json(listing.read(name), name)))
        except MemberProblem:
            continue
    return list(found)


def _is_crowd(one: Record) -> bool:
    return any(one.get(name) in (1, True) for name in CROWDS)


def _numbers(one: Record, fields: Mapping[str, str]) -> list[Any] | None:
    """Return the four numbers of an object's box, or None if no field holds them."""
    if "box" in fields:
        held = value_at(one, fields["box"])
        return held if isinstance(held, list) and len(held) == 4 else [None] * 4
    return [value_at(one, fields[key]) for key in _EDGES] if "x1" in fields else None


def _outline(one: Record, fields: Mapping[str, str]) -> list[list[float]]:
    """Return the outlines of an object as flat numbers."""
    held = value_at(one, fields["outline"]) if "outline" in fields else None
    single = flat_outline(held)
    parts = held if isinstance(held, list) else []
    return [single] if single else [flat_outline(part) or [math.nan] for part in parts if part != []]


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with the objects of all its records."""
    return read_documents(declaration, files, _documents, _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    declaration = pictures.declaration
    by_picture: dict[str, list[tuple[str, Record]]] = {}
    for key, record in _records(pictures.listing, name):
        by_picture.setdefault(_name(record, declaration.fields), []).append((key, record))
    for stated, about in by_picture.items():
        joined = _join(pictures.index, stated, name)
        size = size_or_none(pictures.listing, joined.member)
        found = [item for key, record in about for item in _objects(declaration, key, record, size)]
        own = None if declaration.fields["objects"] == SELF else stated_size(about[0][1])
        yield from pictures.join(joined, stated, about[0][0], found, name, own)


def _objects(
    declaration: Declaration, key: str, record: Record, size: tuple[int, int] | None
) -> Iterator[Annotation | ReadProblem]:
    try:
        objects = objects_of(record, declaration.fields)
    except ValueError as error:
        yield ReadProblem(key=key, reason="lists_differ", detail=f"{key}: {error}")
        return
    for at, one in enumerate(objects):
        place = _place(declaration, one, size)
        made = make_annotation(f"{key}/{at}", _label(declaration, one), place, {})
        yield replace(made, crowd=True) if isinstance(made, Annotation) and _is_crowd(one) else made


def _label(declaration: Declaration, one: Record) -> str:
    if "label" not in declaration.fields:
        return declaration.label or "object"
    held = value_at(one, declaration.fields["label"])
    held = held[0] if isinstance(held, list) and len(held) == 1 else held
    if declaration.classes and isinstance(held, int):
        return class_name(declaration.classes, held)
    return held if isinstance(held, str) else "" if held is None else show(held)


def _is_rectangle(numbers: Sequence[float]) -> bool:
    """Return whether an outline is the four corners of a box, as VoTT writes for rectangles."""
    return len(numbers) == 8 and finite(numbers) and len(set(numbers[::2])) == len(set(numbers[1::2])) == 2


def _place(declaration: Declaration, one: Record, size: tuple[int, int] | None) -> Place | Fault:
    parts = _outline(one, declaration.fields)
    if len(parts) == 1 and "x1" in declaration.fields and _is_rectangle(parts[0]):
        return Place(box=Box(min(parts[0][::2]), min(parts[0][1::2]), max(parts[0][::2]), max(parts[0][1::2])))
    if len(parts) == 1:
        return outline_place(parts[0])
    if parts:
        fault = next(filter(None, map(polygon_fault, parts)), None)
        if fault is not None:
            return fault
        shapes = tuple(map(outline, parts))
        rings = declaration.fields["outline"].rpartition(".")[2] == RINGS
        return Place(polygons=(with_holes(shapes[0], shapes[1:]),) if rings else shapes)
    numbers = _numbers(one, declaration.fields)
    return declared_place(declaration, numbers or [None] * 4, size)


FORMAT = Format(
    name="json",
    title="JSON and JSON lines of pictures with boxes or outlines, as authors write them",
    recognise=recognise,
    read=read,
    weight=30,
    lost="run lengths, key points and texts in records; files of more than 64 MB",
    export="any script that writes one record per picture: its name, and a list of boxes with labels",
    keys=BOX_KEYS | field_keys("image", "objects", "label", "box", *_EDGES, "outline") | {"classes", "label"},
    last=True,
)
