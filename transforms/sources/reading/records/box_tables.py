"""Find tables of boxes among the members, and decide what their columns and numbers mean."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.dicom import read_header
from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Recognition
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.reading.box_forms import FormEvidence, decide_form, place_numbers
from medmultipoints.transforms.sources.reading.class_names import ask_class_names, class_number, names_of_codes
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence
from medmultipoints.transforms.sources.reading.joining import picture_size
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.path_patterns import propose_patterns
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_documents, single
from medmultipoints.transforms.sources.reading.records.row_facts import weigh_columns
from medmultipoints.transforms.sources.reading.records.table_columns import (
    Columns,
    Row,
    find_columns,
    find_crowd,
    find_scores,
    guess_columns,
    is_empty,
    parse_box,
    read_number,
)
from medmultipoints.transforms.sources.reading.records.table_rows import (
    decimal_of,
    even_rows,
    find_tables,
    has_header,
    long_rows,
    table_rows,
    wide_header,
)
from medmultipoints.transforms.sources.reading.repeated_boxes import find_annotator, repeated_pairs
from medmultipoints.transforms.sources.reading.shapes import finite

_LARGEST: Final = 4000
"""Number of pictures whose sizes are read to prove the form of boxes."""
_COMPARED: Final = 50_000
"""Number of rows searched for boxes drawn by several people."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with its columns and pictures. ``guessed``: the columns are not recognised by name."""

    columns: Columns
    pictures: frozenset[str]
    guessed: bool


def pictures_of(listing: Listing) -> tuple[str, ...]:
    """Return the members that a row can name: pictures and DICOM files."""
    return (*listing.photos, *listing.of("dicom"))


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the tables of boxes among the members."""
    listing = listed(files)
    index = PictureIndex(pictures_of(listing))
    draft = Draft("table", stated)
    found: dict[str, _Table] = {}
    for name in find_tables(listing):
        try:
            table = _inspect_table(draft, listing, name, index)
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        if table is not None:
            found[name] = table
    known = {name: table for name, table in found.items() if not table.guessed} or found
    if not known:
        return None
    draft.line("format", "table", f"{plural(len(known), 'table')} with columns of pictures and boxes")
    chosen = choose_documents(draft, listing, {name: table.pictures for name, table in known.items()})
    if not chosen:
        return None
    own = known[chosen[0]]
    joined = sorted(set().union(*(known[name].pictures for name in chosen)) & set(index.names))
    _propose_images(draft, listing, joined)
    fields = _decide_fields(draft, listing, chosen, own)
    _decide(draft, listing, chosen, Columns(fields, own.columns.form), index)
    _ask_annotators(draft, listing, chosen, fields)
    image = fields["image"]
    rows = {row.get(image, ""): row for name in chosen for _, row in box_rows(listing, name, fields.values())}
    weigh_columns(draft, rows, fields.values())
    return draft.done()


def _ask_annotators(draft: Draft, listing: Listing, chosen: Sequence[str], fields: Mapping[str, str]) -> None:
    """Ask whose boxes to read if a column separates overlapping boxes of one label."""
    held: dict[str, list[tuple[str, Box, Row]]] = {}
    rows = (item for name in chosen for item in box_rows(listing, name, fields.values()))
    for _, row in islice(rows, _COMPARED):
        numbers = box_numbers(row, fields, decimal_of(listing, chosen[0]))
        if numbers is not None and finite(numbers):
            box = place_numbers(str(draft.likely("boxes.form") or "xyxy"), numbers)
            held.setdefault(row.get(fields["image"], ""), []).append((row.get(fields.get("label", ""), ""), box, row))
    found = [
        (boxes[a][2], boxes[b][2])
        for boxes in held.values()
        for a, b in repeated_pairs([(label, box) for label, box, _ in boxes], 0.5)
    ]
    many = len(found) * 20 > sum(map(len, held.values()))
    column = draft.states("fields.annotator") or (find_annotator(found, fields.values()) if many else None)
    if column is None:
        return
    said = f"{plural(len(found), 'pair')} of boxes of one label share most of their place and differ in {column}"
    draft.line("fields.annotator", column, said)
    text = (
        f"Several people drew one picture: {said}. Whose boxes are read? Those of the first in each picture, or each?"
    )
    draft.ask("annotators", text, ["first", "each"], "first")
    if draft.asks("annotators"):
        draft.hint("several_annotators", f"{said}. Until this is answered, the boxes of all are counted")


def _inspect_table(draft: Draft, listing: Listing, name: str, index: PictureIndex) -> _Table | None:
    """Return a table with its columns, stated or found by names and values, or None if it has no boxes."""
    rows = [row for _, row in even_rows(listing, name)]
    if not rows:
        return None
    wide = wide_header(list(rows[0]))
    header = [*wide, *(column for column in rows[0] if not any(column in held.values() for held in wide.values()))]
    if wide:
        rows = [row for _, row in long_rows(enumerate(rows), header)]
    given = draft.states("fields")
    columns: Columns | None = None
    if isinstance(given, Mapping) and "image" in given and ("box" in given or set(SIDES) <= given.keys()):
        columns = Columns({str(key): str(value) for key, value in given.items()}, None)
        guessed = False
    else:
        columns = find_columns(header, rows, index) if has_header(listing, name) else None
        guessed = columns is None
        columns = columns or guess_columns(header, rows, index)
    if columns is None or columns.fields["image"] not in rows[0]:
        return None
    crowd = find_crowd(header, rows)
    if crowd is not None and not guessed:
        columns = Columns({**columns.fields, "crowd": crowd}, columns.form)
    if scores := find_scores(header, rows):
        draft.hint("confidences", f"{name} has confidences ({scores}): these may be predictions, not truth")
    image = columns.fields["image"]
    return _Table(columns, frozenset(index.find(row.get(image, "")).member or row[image] for row in rows), guessed)


def _decide_fields(draft: Draft, listing: Listing, chosen: Sequence[str], own: _Table) -> dict[str, str]:
    """Propose the columns, or ask for them if guessed, and return the columns to read."""
    fields = dict(own.columns.fields)
    if own.guessed:
        row = next(row for _, row in even_rows(listing, chosen[0]))
        shown = "; ".join(f"{column}: {text[:24]}" for column, text in row.items())
        why = "column names do not show" if has_header(listing, chosen[0]) else "there is no header: state"
        likely = "{ " + ", ".join(f"{key} = {toml_value(column)}" for key, column in fields.items()) + " }"
        text = f"{chosen[0]}: {why} which columns hold picture, label and the numbers of the box ({shown})"
        draft.ask("fields", text, [likely], likely)
        return fields
    if draft.states("label") is not None and draft.states("fields.label") is None:
        fields.pop("label", None)
    numbers = _class_numbers(draft, listing, chosen, fields)
    if numbers is not None and len(numbers) == 1 and draft.states("classes") is None:
        fields.pop("label")
    for key, column in fields.items():
        draft.line(f"fields.{key}", column, "values that join pictures" if key == "image" else "its name and values")
    if "label" not in fields and draft.states("fields.label") is None:
        _ask_label(draft, listing, chosen[0], fields)
    elif numbers and draft.states("fields.label") in (None, fields.get("label")):
        ask_class_names(draft, listing, chosen, numbers)
    elif numbers is None and "label" in fields:
        _name_codes(draft, listing, chosen, fields["label"])
    return fields


def _name_codes(draft: Draft, listing: Listing, chosen: Sequence[str], column: str) -> None:
    """Propose the names of label codes if a table of two columns names each code."""
    labels = {row.get(column, "") for name in chosen for _, row in even_rows(listing, name)} - {""}
    named = names_of_codes(listing, labels)
    if named is not None:
        draft.line("labels", named[1], f"{named[0]} names the {plural(len(labels), 'code')} in use")


def box_rows(listing: Listing, name: str, fields: Iterable[str], *, uneven: bool = False) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a table with their numbers, one per box; ``uneven``: as in ``text_rows``."""
    return long_rows(table_rows(listing, name, uneven=True) if uneven else even_rows(listing, name), tuple(fields))


def _class_numbers(
    draft: Draft, listing: Listing, chosen: Sequence[str], fields: Mapping[str, str]
) -> list[int] | None:
    """Return the class numbers in the column of labels of rows with a box, or None if it holds names."""
    column = str(draft.states("fields.label") or fields.get("label", ""))
    texts: set[str] = set()
    for name in chosen if column else ():
        decimal = decimal_of(listing, name)
        rows = (
            row for _, row in box_rows(listing, name, fields.values()) if box_numbers(row, fields, decimal) is not None
        )
        texts |= {row.get(column, "") for row in rows}
    found = {class_number(text) for text in texts}
    padded = any(len(text) > 1 and text.startswith("0") and text.isdigit() for text in texts)
    return None if not found or None in found or padded else sorted(number for number in found if number is not None)


def _ask_label(draft: Draft, listing: Listing, name: str, fields: Mapping[str, str]) -> None:
    """Ask for the label of all boxes, or for a column of few distinct words that could be the label."""
    rows = [row for _, row in even_rows(listing, name)]
    words = {
        column: {row.get(column, "") for row in rows} - {""}
        for column in (rows[0] if rows else ())
        if column not in fields.values()
    }
    likely = [
        column
        for column, held in words.items()
        if held and len(held) <= 100 and all(any(map(str.isalpha, text)) for text in held)
    ]
    said = "; ".join(f"{column}: {', '.join(sorted(words[column])[:5])}" for column in likely)
    text = "No column is known to name the label. What is the label of all boxes?"
    draft.ask("label", f"{text} Or name its column: fields.label ({said})." if said else text)


def _propose_images(draft: Draft, listing: Listing, joined: Sequence[str]) -> None:
    folders = {name.rpartition("/")[0] for name in joined}
    pictures = tuple(name for name in pictures_of(listing) if name.rpartition("/")[0] in folders)
    if pictures:
        patterns = propose_patterns(pictures, listing.kinds)
        draft.line("images", single(patterns), f"{len(joined):,} of {plural(len(pictures), 'picture')} in the table")


def _decide(draft: Draft, listing: Listing, chosen: Sequence[str], columns: Columns, index: PictureIndex) -> None:
    forms, corners = FormEvidence(), FrameEvidence()
    sizes: dict[str, tuple[int, int] | None] = {}
    empty = absent = 0
    for name in chosen:
        decimal = decimal_of(listing, name)
        for _, row in box_rows(listing, name, columns.fields.values()):
            numbers = box_numbers(row, columns.fields, decimal)
            member = index.find(row.get(columns.fields["image"], "")).member
            absent += member is None
            if numbers is None:
                empty += 1
                continue
            if member is not None and member not in sizes and len(sizes) < _LARGEST:
                sizes[member] = size_of(listing, member)
            size = None if member is None else sizes.get(member)
            forms.add(numbers, size)
            corners.add(numbers, *(size or (0, 0)))
    decide_form(draft, forms, columns.form, corners)
    if empty:
        draft.hint("rows_without_box", f"{plural(empty, 'row')} without a box: pictures without objects")
    if absent:
        draft.hint("pictures_missing", f"{plural(absent, 'row')} of pictures that are not in this source")


def size_of(listing: Listing, member: str) -> tuple[int, int] | None:
    """Return width and height of a picture or DICOM file, or None if it does not show them."""
    try:
        if listing.kinds.get(member) == "dicom":
            header = read_header(listing.read(member), member)
            return int(header.Columns), int(header.Rows)
        return picture_size(listing, member)
    except (MemberProblem, AttributeError):
        return None


def box_numbers(row: Row, fields: Mapping[str, str], decimal: str) -> list[float] | None:
    """Return the four numbers of a row, or None if it has no box."""
    if "box" in fields:
        text = row.get(fields["box"], "")
        return None if is_empty(text) else parse_box(text) or [float("nan")] * 4
    cells = [row.get(fields.get(key, ""), "") for key in SIDES]
    return None if all(map(is_empty, cells)) else [read_number(cell, decimal) for cell in cells]
