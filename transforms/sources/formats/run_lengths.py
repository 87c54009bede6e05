"""Read tables of run lengths, as in Kaggle's competitions: one row per mask, or per label of a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format, field_keys
from medmultipoints.transforms.sources.reading.class_names import class_number, names_of_codes
from medmultipoints.transforms.sources.reading.joining import Pictures, missing
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.masks.cell_runs import (
    Mask,
    RunEvidence,
    decide_order,
    decode_runs,
    has_no_runs,
    is_runs,
)
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_documents, in_same_folders, propose_images
from medmultipoints.transforms.sources.reading.records.picture_rows import rows_by_picture
from medmultipoints.transforms.sources.reading.records.row_facts import row_facts, weigh_columns
from medmultipoints.transforms.sources.reading.records.table_columns import Row, find_label, find_pictures
from medmultipoints.transforms.sources.reading.records.table_rows import even_rows, find_tables, table_rows
from medmultipoints.transforms.sources.reading.shapes import Fault, Place

_SAMPLED: Final = 60


@dataclass(frozen=True, slots=True)
class _Columns:
    image: str
    runs: str
    label: str | None


def _find_columns(rows: Sequence[Row], index: PictureIndex) -> _Columns | None:
    """Return the columns of pictures, runs and labels, or None without a column of number pairs or empty cells."""
    header = list(rows[0])
    image = find_pictures(header, rows, index)
    held = {
        name: [text for row in rows if not has_no_runs(text := row.get(name, ""))] for name in header if name != image
    }
    runs = [name for name, texts in held.items() if texts and all(map(is_runs, texts)) and not _are_boxes(texts)]
    if image is None or len(runs) != 1:
        return None
    return _Columns(image, runs[0], find_label(header, {image, runs[0]}))


def _are_boxes(texts: Sequence[str]) -> bool:
    """Return whether all cells hold four numbers, as boxes do."""
    return len(texts) > 1 and all(len(text.split()) == 4 for text in texts)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the tables of run lengths among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("run-lengths", stated)
    columns: dict[str, _Columns] = {}
    held: dict[str, frozenset[str]] = {}
    for name in find_tables(listing, 2):
        try:
            rows = list(_rows(listing, name))
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        found = _find_columns(rows, index) if rows else None
        if found is not None:
            columns[name] = found
            held[name] = frozenset(index.find(row[found.image]).member or row[found.image] for row in rows)
    if not columns:
        return None
    draft.line("format", "run-lengths", f"{plural(len(columns), 'table')} with columns of pictures and run lengths")
    chosen = choose_documents(draft, listing, held)
    own = columns[chosen[0]]
    draft.line("fields.image", own.image, "values that join pictures")
    draft.line("fields.runs", own.runs, "pairs of start and length in each cell")
    joined = sorted(set().union(*(held[name] for name in chosen)) & set(index.names))
    propose_images(draft, listing, in_same_folders(listing, joined), listing.pictures)
    if draft.states("label") is None and (column := draft.states("fields.label") or own.label) is not None:
        draft.line("fields.label", column, "the name of the column")
        _name_labels(draft, listing, {row.get(str(column), "") for name in chosen for row in _rows(listing, name)})
    else:
        draft.ask("label", "No column names the label. What is the label of all masks?")
    _decide(draft, listing, chosen, own, index)
    about = {row[own.image]: row for name in chosen for row in _rows(listing, name)}
    weigh_columns(draft, about, [own.runs, *([str(label)] if (label := draft.likely("fields.label")) else [])])
    return draft.done()


def _rows(listing: Listing, name: str) -> Iterator[Row]:
    return (row for _, row in even_rows(listing, name, 2))


def _name_labels(draft: Draft, listing: Listing, labels: set[str]) -> None:
    """Propose the names of label codes if a table of the source has them, else ask for those of class numbers."""
    codes = sorted(labels - {""})
    if named := names_of_codes(listing, set(codes)):
        draft.line("labels", named[1], f"{named[0]} names the {plural(len(codes), 'code')} in use")
    elif codes and all(class_number(text) is not None for text in codes):
        shown = ", ".join(f'"{text}" = "…"' for text in codes[:8])
        draft.ask("labels", f"What are the class numbers {', '.join(codes[:20])}? Give {{ {shown} }}.")


def _decide(draft: Draft, listing: Listing, chosen: Sequence[str], own: _Columns, index: PictureIndex) -> None:
    seen = RunEvidence()
    label = str(draft.likely("fields.label") or "")
    rows = [row for name in chosen for row in _rows(listing, name)]
    cells = [(row[own.image], row[own.runs]) for row in rows]
    drawn = [(image, text) for image, text in cells if not has_no_runs(text)]
    if empty := len(cells) - len(drawn):
        draft.hint("rows_without_mask", f"{plural(empty, 'row')} without run lengths: nothing of the label is there")
    pictures = Pictures(listing, Declaration(format="run-lengths"))
    for image, text in drawn[:: max(1, len(drawn) // _SAMPLED)][:_SAMPLED]:
        member = index.find(image).member
        if member is not None:
            seen.add(text, pictures.size(member))
    decide_order(draft, seen)
    kinds = {(row[own.image], row.get(label, "")) for row in rows if not has_no_runs(row[own.runs])}
    several = len(kinds) < len(drawn)
    likely = "file" if several else "component"
    text = "Is each row one object, or each connected area of its mask?"
    draft.ask("masks.object", text, [likely, "component" if several else "file"], likely)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with the masks of all its rows."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    tables = matching(tuple(find_tables(listing, 2)), declaration.annotations)
    held, problems = rows_by_picture(
        tables, lambda name: table_rows(listing, name, 2, uneven=True), declaration.fields.get("image", "")
    )
    yield from problems
    for stated, about in held.items():
        first = about.rows[0][0]
        joined = pictures.index.find(stated, about.table)
        if joined.member is None:
            yield from missing(joined, stated, first, [])
            continue
        try:
            size = pictures.size(joined.member)
        except MemberProblem as problem:
            yield ReadProblem(key=first, reason=problem.reason, detail=problem.detail, picture=joined.member)
            continue
        found = [item for key, row in about.rows for item in _annotations(declaration, key, row, size)]
        columns = row_facts(declaration, [row for _, row in about.rows])
        yield from pictures.give(joined.member, found, [about.table], size, columns, about.damaged)
    yield from pictures.rest()


def _annotations(
    declaration: Declaration, key: str, row: Row, size: tuple[int, int]
) -> Iterator[Annotation | ReadProblem]:
    text = row.get(declaration.fields.get("runs", ""), "")
    if has_no_runs(text):
        return
    unnamed = declaration.label or ("" if "label" in declaration.fields else "object")
    label = row.get(declaration.fields.get("label", ""), "") or unnamed
    mask = decode_runs(text, size, declaration.masks.runs or "columns-1")
    if isinstance(mask, Fault):
        yield make_annotation(key, label, mask, {})
        return
    for at, part in enumerate(_parts(declaration, mask)):
        left, top, width, height = cv2.boundingRect(part)
        rle = encode_rle(part[top : top + height, left : left + width], left, top, *size)
        yield make_annotation(f"{key}/{at}", label, Place(rle=rle), {})


def _parts(declaration: Declaration, mask: Mask) -> Iterator[Mask]:
    whole = np.ascontiguousarray(mask)
    if declaration.masks.object == "file":
        yield whole
        return
    count, numbered = cv2.connectedComponents(whole, connectivity=8)
    for number in range(1, count):
        yield (numbered == number).astype(np.uint8)


FORMAT = Format(
    name="run-lengths",
    title="Tables of run lengths (CSV, as Kaggle's masks)",
    recognise=recognise,
    read=read,
    weight=49,
    lost="nothing; the table does not state whether touching areas are one object",
    export="any script that writes one row per mask: picture, label, and pairs of start and length",
    keys=field_keys("image", "label", "runs") | {"label", "masks.object", "masks.runs"},
)
