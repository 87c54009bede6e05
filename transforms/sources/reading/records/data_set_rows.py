"""Read the rows of Hugging Face data sets: pictures with parallel lists, or lists of records, of objects."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.parquet_rows import open_table, picture_column
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.records.table_columns import CROWDS
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

_BOXES: Final = ("bbox", "bboxes", "boxes", "box")
_LABELS: Final = ("category", "categories", "label", "labels", "category_id", "class", "class_label", "name")
Size = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A picture: its location, and its boxes and categories as in the file. ``facts``: other cells, as texts."""

    key: str
    member: str | None
    plane: str
    name: str
    boxes: tuple[Any, ...]
    labels: tuple[Any, ...]
    crowds: tuple[Any, ...]
    stated: Size = None
    data: bytes | None = None
    mask: bytes | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def objects_column(schema: pa.Schema) -> str | None:
    """Return the column of objects, a struct of lists or a list of structs with a box, or None."""
    for column in schema:
        inner = (
            column.type.value_type
            if pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
            else column.type
        )
        if pa.types.is_struct(inner) and {part.name for part in inner} & set(_BOXES):
            return str(column.name)
    return None


def _split_objects(objects: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """Return boxes, labels and crowd flags of a row's objects, given as parallel lists or a list of dictionaries."""
    kinds = (_BOXES, _LABELS, CROWDS)
    if isinstance(objects, list):
        held = [one for one in objects if isinstance(one, dict)]
        boxes, labels, crowds = (tuple(_first(one, names) for one in held) for names in kinds)
        return boxes, labels, crowds
    if not isinstance(objects, dict):
        return (), (), ()
    stated = _first(objects, _BOXES)
    count = len(stated) if isinstance(stated, list) else 0
    lists = (_first(objects, names) for names in kinds)
    boxes, labels, crowds = (tuple(held) if isinstance(held, list) else (None,) * count for held in lists)
    return boxes, labels, crowds


def _first(held: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((held[name] for name in names if name in held), None)


def data_rows(listing: Listing, name: str, index: PictureIndex) -> Iterator[PictureRow]:
    """Yield the rows of a Parquet table, or of a metadata file. Raise MemberProblem for a damaged one."""
    if listing.kinds.get(name) == "parquet":
        yield from parquet_rows(listing, name)
    else:
        yield from _metadata_rows(listing, name, index)


def _metadata_rows(listing: Listing, name: str, index: PictureIndex) -> Iterator[PictureRow]:
    for at, line in enumerate(listing.read(name).decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
            stated = str(held["file_name"])
        except (ValueError, KeyError, TypeError) as error:
            raise MemberProblem(
                "json_damaged", f"{name}, line {at} is not a JSON object with a file_name: {error}"
            ) from error
        objects = next((value for value in held.values() if isinstance(value, dict | list)), None)
        size = size_of(held.get("width"), held.get("height"))
        yield PictureRow(
            f"{name}#{at}",
            index.find(stated, name).member,
            "",
            stated,
            *_split_objects(objects),
            stated=size,
            facts=_plain_cells(held),
        )


def repeated_stems(listing: Listing, names: Sequence[str]) -> frozenset[str]:
    """Return the names of pictures that several rows of the tables have, in one table or in different ones.

    A damaged table is left out: reading it says so.
    """
    times: Counter[str] = Counter()
    for name in names:
        table = open_table(listing.read(name), name)
        with suppress(MemberProblem):
            for held in _held_rows(table, name, [f"{picture_column(table.schema_arrow)}.path"]):
                times.update(map(_stem, held.values()))
    return frozenset(stem for stem, count in times.items() if stem and count > 1)


def _stem(picture: Any) -> str:
    """Return the name that a cell gives its picture, without folders and extension, or an empty text."""
    path = picture.get("path") if isinstance(picture, dict) else None
    return split_path(path).stem if isinstance(path, str) else ""


def _name(stem: str, data: Any, repeated: Set[str]) -> str:
    """Return the name of a picture: its own if no other has it, else with a hash of its content."""
    if stem and stem not in repeated:
        return stem
    content = hashlib.sha256(data if isinstance(data, bytes) else b"").hexdigest()[:16]
    return f"{stem}_{content}" if stem else content


def parquet_rows(
    listing: Listing, name: str, masks: Sequence[str] = (), repeated: Set[str] = frozenset()
) -> Iterator[PictureRow]:
    """Yield the rows of a table, with the mask from the first column of ``masks``, if any.

    ``repeated``: names of pictures that other rows have, too.
    """
    table = open_table(listing.read(name), name)
    pictures, column = str(picture_column(table.schema_arrow)), objects_column(table.schema_arrow)
    wanted = [pictures, *([column] if column else []), *masks]
    plain = [field.name for field in table.schema_arrow if not pa.types.is_nested(field.type) | _is_bytes(field.type)]
    for at, held in enumerate(_held_rows(table, name, [*wanted, *(side for side in plain if side not in wanted)])):
        picture = held[pictures]
        drawn = held[masks[0]] if masks else None
        data = picture.get("bytes") if isinstance(picture, dict) else picture
        yield PictureRow(
            f"{name}#{at}",
            name,
            f"row:{at}",
            _name(_stem(picture), data, repeated),
            *_split_objects(held[column] if column else None),
            stated=size_of(held.get("width"), held.get("height")),
            data=data,
            mask=drawn and drawn.get("bytes"),
            facts=_plain_cells(held),
        )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _plain_cells(held: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts, numbers and flags of a row as texts."""
    return {name: str(value) for name, value in held.items() if isinstance(value, str | int | float)}


def _held_rows(table: pq.ParquetFile, name: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        for batch in table.iter_batches(256, columns=columns):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise MemberProblem("table_damaged", f"{name}: its rows cannot be read: {error}") from error
