"""Read data sets of the Hugging Face Hub: Parquet with pictures and objects, or a folder with ``metadata.jsonl``.

Objects are lists of boxes and categories; the features of a Parquet file name the category numbers. Masks are pictures
in a separate column.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

import pyarrow as pa
from PIL import Image

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import PILLOW_ERRORS
from medmultipoints.transforms.pictures.orientation import find_orientations
from medmultipoints.transforms.rasters.parquet_rows import open_table, picture_column, picture_columns
from medmultipoints.transforms.records import Annotation, MaskLayer
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import (
    AnnotatedPicture,
    Files,
    Reading,
    ReadProblem,
    Recognition,
    with_problems,
)
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import BOX_KEYS, MASK_KEYS, Format
from medmultipoints.transforms.sources.formats.masks import decide_kind, make_layer
from medmultipoints.transforms.sources.reading.box_forms import FormEvidence, decide_form, declared_place
from medmultipoints.transforms.sources.reading.class_names import class_name, names_wanted
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence
from medmultipoints.transforms.sources.reading.joining import Pictures, missing, picture_size, swaps_sides
from medmultipoints.transforms.sources.reading.listing import HEAD_BYTES, Listing, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask
from medmultipoints.transforms.sources.reading.masks.volume_keys import declared_values
from medmultipoints.transforms.sources.reading.path_patterns import hole_columns
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.pixel_looks import Look, look_at
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    hint_crowds,
    in_same_folders,
    patterns_of,
    propose_images,
)
from medmultipoints.transforms.sources.reading.records.data_set_rows import (
    PictureRow,
    Size,
    data_rows,
    objects_column,
    parquet_rows,
    repeated_stems,
)
from medmultipoints.transforms.sources.reading.records.json_rows import show
from medmultipoints.transforms.sources.reading.records.row_facts import row_facts, weigh_columns
from medmultipoints.transforms.sources.reading.stated_sizes import differing_sizes
from medmultipoints.transforms.sources.reading.surroundings import ask_orientation

MASKS_SAMPLED: Final = 48


def _is_metadata(head: bytes) -> bool:
    """Return whether the first line, as far as the head holds it, is a JSON object with a top-level file_name."""
    line, end, _ = head.partition(b"\n")
    if not line.startswith(b"{") or b'"file_name"' not in line or b'"images"' in line:
        return False
    try:
        return "file_name" in json.loads(line)
    except ValueError:
        return not end and len(head) >= HEAD_BYTES


def _metadata(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.of("text") if _is_metadata(listing.head(name)))


def _parquets(listing: Listing) -> tuple[str, ...]:
    found = []
    for name in listing.of("parquet"):
        try:
            schema = open_table(listing.read(name), name).schema_arrow
        except MemberProblem:
            continue
        if picture_column(schema) is not None and (objects_column(schema) or _mask_columns(schema)):
            found.append(name)
    return tuple(found)


def _mask_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Return the picture columns after the first of a table without objects: they may be masks."""
    return () if objects_column(schema) else picture_columns(schema)[1:]


def _class_names(schema: pa.Schema) -> tuple[str, ...]:
    """Return the names of category numbers from the features stored by the ``datasets`` library."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except ValueError:
        return ()
    found: list[tuple[str, ...]] = []
    column = objects_column(schema)

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("_type") == "ClassLabel" and isinstance(value.get("names"), list):
                found.append(tuple(map(str, value["names"])))
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    held = features.get("info", {}).get("features", {}) if isinstance(features, dict) else {}
    walk(held.get(column) if isinstance(held, dict) else None)
    return found[0] if len(found) == 1 else ()


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the Hugging Face data set among the members."""
    listing = listed(files)
    names = _parquets(listing) or _metadata(listing)
    if not names:
        return None
    draft = Draft("hugging-face", stated)
    if listing.kinds[names[0]] == "parquet" and (columns := _mask_columns(_schema(listing, names[0]))):
        return _recognise_masks(draft, listing, names, columns)
    index = PictureIndex(listing.photos)
    kind = "Parquet file" if listing.kinds[names[0]] == "parquet" else "metadata file"
    draft.line("format", "hugging-face", f"{plural(len(names), kind)} with pictures and objects")
    draft.line("annotations", patterns_of(names, listing.kinds), plural(len(names), kind))
    seen = _gather_evidence(draft, listing, names, index)
    if kind == "Parquet file":
        _propose_tables(draft, names, patterns_of(names, listing.kinds))
    else:
        propose_images(draft, listing, in_same_folders(listing, seen.joined), listing.pictures)
    decide_form(draft, seen.forms, None, seen.corners)
    ask_orientation(draft, seen.turned)
    hint_crowds(draft, seen.crowds)
    if seen.other_size:
        draft.hint("sizes_differ", differing_sizes(len(seen.other_size), seen.other_size[0]))
    _decide_names(draft, listing, names, seen.labels)
    weigh_columns(draft, seen.facts)
    return draft.done()


@dataclass
class _Evidence:
    """Boxes, labels and joined pictures of all rows."""

    forms: FormEvidence = field(default_factory=FormEvidence)
    corners: FrameEvidence = field(default_factory=FrameEvidence)
    labels: set[Any] = field(default_factory=set)
    joined: list[str] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)
    other_size: list[str] = field(default_factory=list)
    crowds: int = 0
    facts: dict[str, Mapping[str, str]] = field(default_factory=dict)


def _gather_evidence(draft: Draft, listing: Listing, names: Sequence[str], index: PictureIndex) -> _Evidence:
    seen = _Evidence()
    for name in names:
        try:
            for row in data_rows(listing, name, index):
                seen.joined += [row.member] if row.member and not row.plane else []
                seen.facts[row.key] = row.facts
                seen.labels |= {label for label in row.labels if isinstance(label, int | str)}
                size = _size(listing, row)
                seen.crowds += sum(flag in (1, True) for flag in row.crowds)
                if row.data is not None:
                    seen.turned += [row.key] if find_orientations(row.data) else []
                    seen.other_size += [row.key] if row.stated and size and row.stated != size else []
                for box in row.boxes:
                    if isinstance(box, list | tuple) and len(box) == 4 and all(isinstance(v, int | float) for v in box):
                        seen.forms.add(box, size)
                        seen.corners.add(box, *(size or (0, 0)))
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
    return seen


def _propose_tables(draft: Draft, names: Sequence[str], patterns: str | tuple[str, ...]) -> None:
    """Propose the tables as the places of pictures, with the splits that their names or folders give."""
    held = (patterns,) if isinstance(patterns, str) else patterns
    times = Counter(split for name in names if (split := hole_columns(name, held).get("split")))
    said = f"; splits by their names: {', '.join(f'{split} {count}' for split, count in sorted(times.items()))}"
    draft.line("images", patterns, "pictures are in the rows" + (said if times else ""))


def _schema(listing: Listing, name: str) -> pa.Schema:
    return open_table(listing.read(name), name).schema_arrow


def _recognise_masks(
    draft: Draft, listing: Listing, names: Sequence[str], columns: Sequence[str]
) -> Recognition | None:
    """Propose a declaration for tables with a column of pictures and a column of masks, which have flat areas."""
    pattern = patterns_of(names, listing.kinds)
    looks: dict[str, dict[str, Look]] = {column: {} for column in columns}
    for column in columns:
        for name in names:
            for row in islice(parquet_rows(listing, name, [column]), MASKS_SAMPLED):
                if row.mask and (look := look_at(row.mask)) is not None and look.is_drawing:
                    looks[column][f"{name}#{row.plane}"] = look
    drawn = [column for column in columns if looks[column]]
    if not drawn:
        return None
    draft.line("format", "hugging-face", f"{plural(len(names), 'Parquet file')} with pictures and masks")
    draft.line("annotations", pattern, plural(len(names), "Parquet file"))
    _propose_tables(draft, names, pattern)
    facts: dict[str, Mapping[str, str]] = {}
    turned: list[str] = []
    for row in (row for name in names for row in parquet_rows(listing, name)):
        facts[row.key] = row.facts
        turned += [row.key] if row.data is not None and find_orientations(row.data) else []
    ask_orientation(draft, turned)
    weigh_columns(draft, facts)
    column = str(draft.states("fields.mask") or drawn[0])
    if len(drawn) == 1:
        draft.line("fields.mask", column, "the column of pictures with flat areas")
    else:
        draft.ask("fields.mask", f"Several columns hold masks: {', '.join(drawn)}. Which is right?", drawn)
    held = looks.get(column, {})
    decide_kind(draft, listing, [Mask(key, key, "", "") for key in held], held)
    return draft.done()


def _size(listing: Listing, row: PictureRow) -> Size:
    try:
        if row.data is not None:
            with Image.open(io.BytesIO(row.data)) as image:
                return image.size[::-1] if listing.as_shown and swaps_sides(row.data) else image.size
        return picture_size(listing, row.member) if row.member else None
    except (MemberProblem, *PILLOW_ERRORS):
        return None


def _decide_names(draft: Draft, listing: Listing, names: Sequence[str], labels: set[Any]) -> None:
    if draft.states("label") is not None and draft.states("classes") is None:
        return
    numbers = sorted(label for label in labels if isinstance(label, int))
    if not numbers:
        if not labels:
            draft.ask("label", "Objects have no category. What is the label of all of them?")
        return
    known = {
        _class_names(open_table(listing.read(name), name).schema_arrow)
        for name in names
        if listing.kinds[name] == "parquet"
    } - {()}
    if len(known) == 1 and len(held := known.pop()) > numbers[-1]:
        draft.line("classes", held, "the features that the file holds")
    else:
        shown = ", ".join(map(str, numbers[:20]))
        draft.ask("classes", f"What are the category numbers {shown}? {names_wanted(numbers)}")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield the picture of each row."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    names = matching(_parquets(listing) or _metadata(listing), declaration.annotations)
    repeated = repeated_stems(listing, [name for name in names if listing.kinds[name] == "parquet"])
    for name in names:
        columns = hole_columns(name, declaration.annotations)
        try:
            for row in _rows(declaration, listing, name, pictures.index, repeated):
                yield from _read_row(declaration, listing, pictures, name, row, columns)
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail)
    if names and listing.kinds[names[0]] != "parquet":
        yield from pictures.rest()


def _rows(
    declaration: Declaration, listing: Listing, name: str, index: PictureIndex, repeated: Set[str]
) -> Iterator[PictureRow]:
    if listing.kinds[name] != "parquet":
        return data_rows(listing, name, index)
    masks = [declaration.fields["mask"]] if "mask" in declaration.fields else []
    return parquet_rows(listing, name, masks, repeated)


def _mask_layers(declaration: Declaration, listing: Listing, name: str, row: PictureRow) -> tuple[MaskLayer, ...]:
    if not row.mask:
        return ()
    layer = make_layer(declaration, declared_values(declaration, listing), name, {})
    return (replace(layer, plane=f"{row.plane}:{declaration.fields['mask']}"),)


def _read_row(
    declaration: Declaration,
    listing: Listing,
    pictures: Pictures,
    name: str,
    row: PictureRow,
    columns: Mapping[str, str],
) -> Reading:
    size = _size(listing, row)
    columns = {**columns, **row_facts(declaration, [row.facts])}
    found = [_annotation(declaration, row, at, size) for at in range(len(row.boxes))]
    stated = row.stated or size
    if row.member is None:
        yield from missing(pictures.index.find(row.name, name), row.name, row.key, found)
    elif not row.plane:
        yield from pictures.give(row.member, found, [name], stated, columns)
    else:
        picture = AnnotatedPicture(
            member=row.member,
            name=row.name,
            plane=row.plane,
            width=stated[0] if stated else None,
            height=stated[1] if stated else None,
            annotated=bool(row.mask) or "mask" not in declaration.fields,
            layers=_mask_layers(declaration, listing, name, row),
            columns=columns,
        )
        yield from with_problems(picture, found)


def _annotation(declaration: Declaration, row: PictureRow, at: int, size: Size) -> Annotation | ReadProblem:
    key, box = f"{row.key}/{at}", row.boxes[at]
    stated = row.labels[at] if at < len(row.labels) else None
    label = declaration.label or ("object" if stated is None else str(stated))
    if isinstance(stated, int) and declaration.classes and not declaration.label:
        label = class_name(declaration.classes, stated)
    if not isinstance(box, list | tuple) or len(box) != 4:
        return ReadProblem(
            key=key, reason="box_not_a_number", detail=f"{key}: the box is {show(box)}", label=label or None
        )
    made = make_annotation(key, label, declared_place(declaration, box, size), {})
    crowd = at < len(row.crowds) and row.crowds[at] in (1, True)
    return replace(made, crowd=True) if isinstance(made, Annotation) and crowd else made


FORMAT = Format(
    name="hugging-face",
    title="Hugging Face data sets (Parquet, imagefolder)",
    recognise=recognise,
    read=read,
    weight=75,
    lost="columns other than picture, objects and mask",
    export="datasets: push_to_hub, or save the Parquet files",
    keys=BOX_KEYS | MASK_KEYS | {"fields.mask", "masks.channel", "classes", "label", "label_names"},
)
