"""Tables of boxes: CSV or Parquet, a row a box (or a row a picture without one), columns found by values and names."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.dicom import read_header
from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.box_forms import FormEvidence, decide_form, declared_place
from medmultipoints.transforms.sources.reading.class_names import class_number, find_class_names
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence
from medmultipoints.transforms.sources.reading.joining import missing, picture_size
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.path_patterns import hole_columns, propose_patterns
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.picture_rows import PictureRows, rows_by_picture
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_documents, plural, single
from medmultipoints.transforms.sources.reading.table_columns import (
    Columns,
    Row,
    as_cells,
    find_columns,
    find_dialect,
    is_empty,
    parse_box,
    read_number,
    text_rows,
)
from medmultipoints.transforms.sources.reading.volume_keys import rendering_of

_SAMPLED: Final = 400
_LARGEST: Final = 4000
"""Pictures whose sizes are read to prove the form of boxes."""
_FEATURES: Final = b"huggingface"


def _pictures(listing: Listing) -> tuple[str, ...]:
    return (*listing.photos, *listing.of("dicom"))


def _rows(listing: Listing, name: str) -> Iterator[tuple[int, Row]]:
    """Yield numbers and cells of the rows of a table, one at a time."""
    if listing.kinds.get(name) == "parquet":
        try:
            with pq.ParquetFile(io.BytesIO(listing.read(name))) as file:
                rows = (row for batch in file.iter_batches(8192) for row in batch.to_pylist())
                yield from ((at, as_cells(row)) for at, row in enumerate(rows, start=1))
        except (pa.ArrowException, OSError) as error:
            raise MemberProblem("table_damaged", f"{name} is no Parquet file that can be read: {error}") from error
        return
    dialect = find_dialect(listing.head(name))
    if dialect is not None:
        yield from text_rows(listing, name, dialect)


def _decimal(listing: Listing, name: str) -> str:
    dialect = find_dialect(listing.head(name)) if listing.kinds.get(name) == "text" else None
    return dialect.decimal if dialect else "."


def _tables(listing: Listing) -> Iterator[str]:
    for name in listing.of("text", "parquet"):
        if listing.kinds[name] == "text":
            head = listing.head(name)
            if head[:1] in (b"{", b"[", b"<") or find_dialect(head) is None:
                continue
        elif not _is_plain_parquet(listing, name):
            continue
        yield name


def _is_plain_parquet(listing: Listing, name: str) -> bool:
    """Return whether a Parquet file is a table of cells: those that hold pictures are of the Hugging Face format."""
    try:
        schema = pq.read_schema(io.BytesIO(listing.read(name)))
    except (pa.ArrowException, OSError):
        return False
    return not any(pa.types.is_struct(column.type) or pa.types.is_binary(column.type) for column in schema)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the tables of boxes among the members."""
    listing = listed(files)
    index = PictureIndex(_pictures(listing))
    draft = Draft("table", stated)
    columns: dict[str, Columns] = {}
    held: dict[str, frozenset[str]] = {}
    for name in _tables(listing):
        try:
            rows = [row for _, row in _rows(listing, name)]
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        found = find_columns(list(rows[0]), rows, index) if rows else None
        if found is not None:
            columns[name] = found
            held[name] = frozenset(
                index.find(row.get(found.fields["image"], "")).member or row[found.fields["image"]] for row in rows
            )
    if not columns:
        return None
    draft.line("format", "table", f"{plural(len(columns), 'table')} with columns of pictures and boxes")
    chosen = choose_documents(draft, listing, held)
    fields = dict(columns[chosen[0]].fields)
    if draft.states("label") is not None and draft.states("fields.label") is None:
        fields.pop("label", None)
    numbers = _class_numbers(draft, listing, chosen, fields)
    if numbers is not None and len(numbers) == 1 and draft.states("classes") is None:
        fields.pop("label")
    for key, column in fields.items():
        draft.line(f"fields.{key}", column, "values that join pictures" if key == "image" else "its name and values")
    _propose_images(draft, listing, sorted(set().union(*(held[name] for name in chosen)) & set(index.names)))
    if "label" not in fields and draft.states("fields.label") is None:
        _ask_label(draft, listing, chosen[0], fields)
    elif numbers and draft.states("fields.label") in (None, fields.get("label")):
        _decide_names(draft, listing, chosen, numbers)
    _decide(draft, listing, chosen, columns[chosen[0]], index)
    return draft.done()


def _class_numbers(
    draft: Draft, listing: Listing, chosen: Sequence[str], fields: Mapping[str, str]
) -> list[int] | None:
    """Return the class numbers that the column of labels holds where it has a box; None where it holds names."""
    column = str(draft.states("fields.label") or fields.get("label", ""))
    found: set[int | None] = set()
    for name in chosen if column else ():
        decimal = _decimal(listing, name)
        rows = (row for _, row in _rows(listing, name) if _numbers(row, fields, decimal) is not None)
        found |= {class_number(row.get(column, "")) for row in rows}
    return None if not found or None in found else sorted(number for number in found if number is not None)


def _ask_label(draft: Draft, listing: Listing, name: str, fields: Mapping[str, str]) -> None:
    """Ask for the column that names the label where a column of few words is there, else for the label of all boxes."""
    rows = [row for _, row in _rows(listing, name)]
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


def _decide_names(draft: Draft, listing: Listing, chosen: Sequence[str], numbers: Sequence[int]) -> None:
    lists = {held for held in find_class_names(listing, chosen).lists.values() if len(held) > numbers[-1]}
    if len(lists) == 1:
        draft.line("classes", lists.pop(), "a file of the source names the class numbers")
    else:
        shown = ", ".join(map(str, numbers[:20]))
        draft.ask("classes", f"What are the class numbers {shown}? Give names from 0 on.")


def _propose_images(draft: Draft, listing: Listing, joined: Sequence[str]) -> None:
    folders = {name.rpartition("/")[0] for name in joined}
    pictures = tuple(name for name in _pictures(listing) if name.rpartition("/")[0] in folders)
    if pictures:
        patterns = propose_patterns(pictures, set(listing.kinds) - set(pictures))
        draft.line("images", single(patterns), f"{len(joined):,} of {plural(len(pictures), 'picture')} in the table")


def _decide(draft: Draft, listing: Listing, chosen: Sequence[str], columns: Columns, index: PictureIndex) -> None:
    forms, corners = FormEvidence(), FrameEvidence()
    sizes: dict[str, tuple[int, int] | None] = {}
    empty = absent = 0
    for name in chosen:
        decimal = _decimal(listing, name)
        for _, row in _rows(listing, name):
            numbers = _numbers(row, columns.fields, decimal)
            member = index.find(row.get(columns.fields["image"], "")).member
            absent += member is None
            if numbers is None:
                empty += 1
                continue
            if member is not None and member not in sizes and len(sizes) < _LARGEST:
                sizes[member] = _size(listing, member)
            size = None if member is None else sizes.get(member)
            forms.add(numbers, size)
            corners.add(numbers, *(size or (0, 0)))
    decide_form(draft, forms, columns.form, corners)
    if empty:
        draft.hint("rows_without_box", f"{plural(empty, 'row')} without a box: pictures without objects")
    if absent:
        draft.hint("pictures_missing", f"{plural(absent, 'row')} of pictures that are not in this source")


def _size(listing: Listing, member: str) -> tuple[int, int] | None:
    try:
        if listing.kinds.get(member) == "dicom":
            header = read_header(listing.read(member), member)
            return int(header.Columns), int(header.Rows)
        return picture_size(listing, member)
    except (MemberProblem, AttributeError):
        return None


def _numbers(row: Row, fields: Mapping[str, str], decimal: str) -> list[float] | None:
    """Return the four numbers of a row; None where the row has no box."""
    if "box" in fields:
        text = row.get(fields["box"], "")
        return None if is_empty(text) else parse_box(text) or [float("nan")] * 4
    cells = [row.get(fields.get(key, ""), "") for key in ("x1", "y1", "x2", "y2")]
    return None if all(map(is_empty, cells)) else [read_number(cell, decimal) for cell in cells]


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with the boxes of all its rows, in the order of pictures."""
    listing = listed(files)
    names = matching(_pictures(listing) if not declaration.images else tuple(listing.kinds), declaration.images)
    index = PictureIndex(tuple(name for name in names if listing.kinds[name] in ("picture", "dicom", "lfs")))
    tables = matching(tuple(_tables(listing)), declaration.annotations)
    held, problems = rows_by_picture(tables, lambda name: _rows(listing, name), declaration.fields.get("image", ""))
    yield from problems
    decimals = {name: _decimal(listing, name) for name in tables}
    given: set[str] = set()
    for stated, about in held.items():
        yield from _read_picture(declaration, listing, index, stated, about, decimals[about.table], given)
    for name in index.names:
        if name not in given:
            yield AnnotatedPicture(
                member=name, name=name, annotated=False, rendering=_rendering(declaration, listing, name)
            )


def _rendering(declaration: Declaration, listing: Listing, name: str) -> str:
    return rendering_of(declaration) if listing.kinds.get(name) == "dicom" else ""


def _read_picture(
    declaration: Declaration,
    listing: Listing,
    index: PictureIndex,
    stated: str,
    about: PictureRows,
    decimal: str,
    given: set[str],
) -> Reading:
    joined = index.find(stated, about.table)
    size = None if joined.member is None else _size(listing, joined.member)
    found = [item for key, row in about.rows if (item := _annotation(declaration, key, row, size, decimal)) is not None]
    if joined.member is None:
        yield from missing(joined, stated, about.rows[0][0], found)
        return
    given.add(joined.member)
    yield from (item for item in found if isinstance(item, ReadProblem))
    yield AnnotatedPicture(
        member=joined.member,
        name=joined.member,
        width=size[0] if size else None,
        height=size[1] if size else None,
        rendering=_rendering(declaration, listing, joined.member),
        annotations=tuple(item for item in found if isinstance(item, Annotation)),
        read_from=(about.table,),
        columns=hole_columns(about.table, declaration.annotations),
    )


def _annotation(
    declaration: Declaration, key: str, row: Row, size: tuple[int, int] | None, decimal: str
) -> Annotation | ReadProblem | None:
    numbers = _numbers(row, declaration.fields, decimal)
    if numbers is None:
        return None
    label = row.get(declaration.fields.get("label", ""), "") or declaration.label or "object"
    if declaration.classes and "label" in declaration.fields:
        number = class_number(label)
        label = declaration.classes[number] if number is not None and number < len(declaration.classes) else ""
    return make_annotation(key, label, declared_place(declaration, numbers, size), {})


FORMAT = Format(
    name="table",
    title="Tables of boxes (CSV, Parquet)",
    recognise=recognise,
    read=read,
    weight=48,
    lost="outlines and run lengths in cells; columns that no field names",
    export="any tool that writes a row a box: picture, label and four numbers",
)
