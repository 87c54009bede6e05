"""Read tables of boxes (CSV, Parquet) with one row per box; columns are found by values and names."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from medmultipoints.transforms.records import SIDES, Annotation
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, with_problems
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import BOX_KEYS, Format, field_keys
from medmultipoints.transforms.sources.reading.box_forms import declared_place
from medmultipoints.transforms.sources.reading.class_names import class_name, class_number
from medmultipoints.transforms.sources.reading.joining import missing
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.masks.volume_keys import rendering_of
from medmultipoints.transforms.sources.reading.path_patterns import hole_columns
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.records.box_tables import (
    box_numbers,
    box_rows,
    pictures_of,
    recognise,
    size_of,
)
from medmultipoints.transforms.sources.reading.records.picture_rows import PictureRows, rows_by_picture
from medmultipoints.transforms.sources.reading.records.row_facts import row_facts
from medmultipoints.transforms.sources.reading.records.table_columns import Row, stated_size
from medmultipoints.transforms.sources.reading.records.table_rows import decimal_of, find_tables
from medmultipoints.transforms.sources.reading.shapes import finite

_BOOLEAN: Final = {"": False, "0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with the boxes of all its rows."""
    listing = listed(files)
    names = matching(pictures_of(listing) if not declaration.images else tuple(listing.kinds), declaration.images)
    index = PictureIndex(tuple(name for name in names if listing.kinds[name] in ("picture", "dicom", "lfs")))
    fields = declaration.fields
    tables = matching(tuple(find_tables(listing)), declaration.annotations)
    held, problems = rows_by_picture(
        tables, lambda name: box_rows(listing, name, fields.values(), uneven=True), fields.get("image", "")
    )
    yield from problems
    decimals = {name: decimal_of(listing, name) for name in tables}
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
    size = None if joined.member is None else size_of(listing, joined.member)
    rows, others = _by_annotator(declaration, about.rows)
    yield from others
    found = [item for key, row in rows if (item := _annotation(declaration, key, row, size, decimal)) is not None]
    if joined.member is None:
        yield from missing(joined, stated, about.rows[0][0], found)
        return
    given.add(joined.member)
    boxes = [held for _, row in rows if finite(held := box_numbers(row, declaration.fields, decimal) or ())]
    sides = stated_size([row for _, row in rows], list(filter(None, boxes)), declaration.fields.values())
    picture = AnnotatedPicture(
        member=joined.member,
        name=joined.member,
        width=sides and sides[0],
        height=sides and sides[1],
        rendering=_rendering(declaration, listing, joined.member),
        read_from=(about.table,),
        columns=hole_columns(about.table, declaration.annotations)
        | row_facts(declaration, [row for _, row in about.rows]),
        doubts=tuple(about.damaged),
    )
    yield from with_problems(picture, found)


def _by_annotator(
    declaration: Declaration, rows: Sequence[tuple[str, Row]]
) -> tuple[Sequence[tuple[str, Row]], list[ReadProblem]]:
    """Return the rows to read, of one annotator or all, and the dropped rows as problems."""
    column = declaration.fields.get("annotator")
    if column is None or declaration.annotators not in ("first", "latest"):
        return rows, []
    chosen = rows[0 if declaration.annotators == "first" else -1][1].get(column, "")
    kept = [(key, row) for key, row in rows if row.get(column, "") == chosen]
    detail = f"is not read: annotators = {declaration.annotators!r}"
    return kept, [
        ReadProblem(key=key, reason="other_annotator", detail=f"{key} {detail}", verdict="dropped")
        for key, row in rows
        if row.get(column, "") != chosen
    ]


def _annotation(
    declaration: Declaration, key: str, row: Row, size: tuple[int, int] | None, decimal: str
) -> Annotation | ReadProblem | None:
    numbers = box_numbers(row, declaration.fields, decimal)
    if numbers is None:
        return None
    unnamed = declaration.label or ("" if "label" in declaration.fields else "object")
    label = row.get(declaration.fields.get("label", ""), "") or unnamed
    if declaration.classes and "label" in declaration.fields:
        number = class_number(label)
        label = "" if number is None else class_name(declaration.classes, number)
    cells = [row.get(declaration.fields[key], "") for key in ("box", *SIDES) if key in declaration.fields]
    made = make_annotation(key, label, declared_place(declaration, numbers, size, cells), {})
    crowd = row.get(declaration.fields.get("crowd", ""), "").casefold()
    return replace(made, crowd=True) if isinstance(made, Annotation) and _BOOLEAN.get(crowd, False) else made


FORMAT = Format(
    name="table",
    title="Tables of boxes (CSV, Parquet)",
    recognise=recognise,
    read=read,
    weight=48,
    lost="outlines in cells; columns that are not declared as fields",
    export="any tool that writes one row per box: picture, label and four numbers",
    keys=BOX_KEYS
    | field_keys("image", "label", "box", *SIDES, "crowd", "annotator")
    | {"annotators", "classes", "label", "intensity.window", "intensity.invert_monochrome1"},
)
