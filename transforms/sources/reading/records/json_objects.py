"""Find the fields of picture, objects, labels and places in JSON records by their values.

A record describes one picture. Its objects are a list or table of tables (each with a box, four edges or an outline),
parallel lists of boxes and labels, or the record itself if it has one box. Paths are dotted, as in ``a.b``; the part
``*`` selects each item of a list and concatenates the results.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.records.json_rows import show
from medmultipoints.transforms.sources.reading.records.table_columns import BOX_NAMES, LABELS, ONE_BOX
from medmultipoints.transforms.sources.reading.shapes import finite
from medmultipoints.transforms.sources.reading.stated_sizes import stated_sizes

KEY: Final = "@"
"""Path of the record's own key, or of the file name of a single record."""
EACH: Final = "*"
SELF: Final = "."
"""Path of objects if the record itself is one or holds parallel lists."""
RINGS: Final = "coordinates"
"""Key of GeoJSON's rings: an outline, then its holes."""
OUTLINES: Final = ("polygon", "polygons", "segmentation", "points", "contour", "outline", RINGS)
_CORNERS: Final = tuple(
    tuple(f"{corner}.{axis}" for corner in corners for axis in axes)
    for corners, axes in (
        (("minimum", "min"), ("c", "x")),
        (("minimum", "min"), ("r", "y")),
        (("maximum", "max"), ("c", "x")),
        (("maximum", "max"), ("r", "y")),
    )
)
"""Paths of edges in a box of two corner tables, by column and row or by x and y, as in BBBC041."""
_SHAPES: Final = frozenset({
    "bbox", "box", "rect", "rectangle", "boundingbox", "bounding_box", "imageboundingbox", "polygon", "imagepolygon",
    "mask", "polyline", "points", "point", "ellipse", "tag",
})  # fmt: skip
"""Words that name the kind of a shape, not its label."""
_LABELS: Final = (
    *LABELS, "tagname", "tag_name", "class_title", "classtitle", "labels", "categories", "classes", "syms", "ref",
    "tags", "label_id", "type", "title",
)  # fmt: skip
_BOXES: Final = (*ONE_BOX, "box2d", "boxes", "bounding_boxes", "bndbox", "rect")
_MOST_PARTS: Final = 4
"""Greatest length of a list searched for lists of objects."""
_DEPTH: Final = 6

Record = Mapping[str, Any]


def value_at(record: Any, path: str) -> Any:
    """Return the value at a path, with lists below ``*`` concatenated, or None."""
    value = record
    parts = path.split(".") if path != SELF else []
    for at, part in enumerate(parts):
        if part == EACH and isinstance(value, list):
            below = [value_at(item, ".".join(parts[at + 1 :])) for item in value]
            return [one for held in below if isinstance(held, list) for one in held]
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def find_picture(records: Sequence[Record], index: PictureIndex) -> str | None:
    """Return the path whose values join most pictures, in at least half of the records, or None."""
    hits: dict[str, int] = {}
    for record in records:
        for path, value in _walk(record):
            name = picture_name(value) if EACH not in path.split(".") else None
            hits[path] = hits.get(path, 0) + (name is not None and _joins(index, name, path))
    best = max(hits, key=lambda path: hits[path], default=None)
    return best if best is not None and hits[best] * 2 >= len(records) else None


def _joins(index: PictureIndex, name: str, path: str) -> bool:
    found = index.find(name).member or (index.find_beginning(name, "").member if path == KEY else None)
    return found is not None


def picture_name(value: Any) -> str | None:
    """Return a picture's name from a text or number, or a list of one, or None."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _walk(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield paths and values below a table, each table before its content."""
    if isinstance(value, Mapping) and depth < _DEPTH:
        for key, held in value.items():
            below = f"{path}.{key}" if path else str(key)
            yield below, held
            yield from _walk(held, below, depth + 1)
    elif isinstance(value, list) and depth < _DEPTH and len(value) <= _MOST_PARTS:
        for held in value:
            yield from _walk(held, f"{path}.{EACH}", depth + 1)


def find_places(records: Sequence[Record]) -> dict[str, str] | None:
    """Return the paths of ``objects`` and their ``label``, ``box``, ``x1`` to ``y2`` or ``outline``, or None."""
    for record in records:
        for path, value in ((SELF, record), *_walk(record)):
            fields = _fields_of(value) if isinstance(value, list) or EACH not in path.split(".") else None
            if fields is not None:
                return {"objects": path} | fields
    return None


def _fields_of(value: Any) -> dict[str, str] | None:
    """Return the fields of objects in a list of tables, in parallel lists, or in one table, or None."""
    if isinstance(value, Mapping) and (place := _of_one(value)):
        return place
    if isinstance(value, Mapping) and is_table(value):
        value = list(value.values())
    if isinstance(value, list):
        return next((fields for one in value if isinstance(one, Mapping) and (fields := _of_one(one))), None)
    return None


def is_table(value: Mapping[str, Any]) -> bool:
    """Return whether all values are tables."""
    return bool(value) and all(isinstance(one, Mapping) for one in value.values())


def _of_one(one: Mapping[str, Any]) -> dict[str, str] | None:
    plain = {str(key).casefold(): str(key) for key in reversed(list(one))}
    place: dict[str, str] = {}
    for name in (*_BOXES, "points"):
        if name in plain and name in _BOXES and _are_boxes(held := one[plain[name]]):
            place = {"box": plain[name]}
            break
        if name in plain and isinstance(held := one[plain[name]], Mapping) and (edges := _edges(held)):
            place = {key: f"{plain[name]}.{edge}" for key, edge in edges.items()}
            break
    place = place or _edges(one)
    outline = next((plain[name] for name in OUTLINES if name in plain and _are_outlines(one[plain[name]])), None)
    if outline:
        place["outline"] = outline
    if not place:
        return None
    labels = [plain[name] for name in _LABELS if name in plain and plain[name] not in place.values()]
    words = [name for name in labels if _is_word(one[name])]
    label = next(iter(words or [name for name in labels if _is_number(one[name])]), None)
    return {"label": label, **place} if label else place


def _edges(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the paths of the four numbers of a box with separate keys, or an empty dictionary."""
    plain = {str(key).casefold(): str(key) for key in reversed(list(table))}
    table = {**table, **{below: held for below, held in _walk(table) if below.count(".") == 1}}
    plain |= {below.casefold(): below for below in table if "." in below}
    for groups in (*(names for _, names in BOX_NAMES), _CORNERS):
        found = [next((plain[name] for name in names if name in plain), None) for names in groups]
        if len(set(found)) == 4 and finite(table[name] if name else None for name in found):
            return dict(zip(("x1", "y1", "x2", "y2"), map(str, found), strict=True))
    return {}


def _are_boxes(value: Any) -> bool:
    """Return whether a value is a box of four numbers, or a list of boxes."""
    if not isinstance(value, list) or not value:
        return False
    return _is_box(value) or all(isinstance(one, list) and _is_box(one) for one in value)


def _is_box(value: list[Any]) -> bool:
    return len(value) == 4 and finite(value)


def _are_outlines(value: Any) -> bool:
    """Return whether a value is an outline (six or more flat numbers, or pairs), or a list of outlines."""
    if not isinstance(value, list) or len(value) == 0:
        return False
    return flat_outline(value) is not None or all(flat_outline(one) is not None for one in value)


def flat_outline(value: Any) -> list[float] | None:
    """Return an outline as flat numbers x1, y1, x2, y2, ..., or None for other values."""
    if not isinstance(value, list) or len(value) < 3:
        return None
    if all(isinstance(point, Mapping) and {"x", "y"} <= point.keys() for point in value):
        value = [[point["x"], point["y"]] for point in value]
    if all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        return [number for pair in value for number in pair]
    return value if len(value) >= 6 and len(value) % 2 == 0 and not any(isinstance(v, list) for v in value) else None


def _is_word(value: Any) -> bool:
    held = value if isinstance(value, list) else [value]
    return bool(held) and all(isinstance(one, str) and one.casefold() not in _SHAPES for one in held)


def name_lists(held: Any, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """Yield the lists of names of class numbers in a document, such as Datumaro's ``categories.label.labels``."""
    if isinstance(held, Mapping) and depth < _DEPTH:
        for key, value in held.items():
            if str(key).casefold() in ("labels", "categories", "classes", "names") and isinstance(value, list):
                names = [one.get("name") if isinstance(one, Mapping) else one for one in value]
                words = tuple(name for name in names if isinstance(name, str))
                if words and len(words) == len(names):
                    yield words
            yield from name_lists(value, depth + 1)


def stated_size(record: Record) -> tuple[int, int] | None:
    """Return the size of the picture that a record gives, or None."""
    return next(stated_sizes({str(key).casefold(): value for key, value in record.items()}), None)


def _is_number(value: Any) -> bool:
    held = value if isinstance(value, list) else [value]
    return bool(held) and all(isinstance(one, int) and not isinstance(one, bool) for one in held)


def objects_of(record: Record, fields: Mapping[str, str]) -> list[Record]:
    """Return the objects of a record as tables; parallel lists become one table per object.

    Raises ValueError if parallel lists differ in length.
    """
    held = value_at(record, fields["objects"])
    if isinstance(held, list):
        return [one for one in held if isinstance(one, Mapping)]
    if not isinstance(held, Mapping):
        return []
    if is_table(held) and all(value_at(held, fields[key]) is None for key in ("box", "x1", "outline") if key in fields):
        return list(held.values())
    boxes = value_at(held, fields["box"]) if "box" in fields else value_at(held, fields.get("outline", SELF))
    alone = isinstance(boxes, list) and "box" not in fields and flat_outline(boxes) is not None
    if alone or not isinstance(boxes, list) or (len(boxes) == 4 and finite(boxes)):
        return [held] if boxes is not None else []
    keys = {fields[key] for key in ("label", "box", "outline") if key in fields}
    lists = {key: value for key in keys if isinstance(value := value_at(held, key), list)}
    texts = (value_at(held, key) for key in keys - lists.keys())
    if unread := next((text for text in texts if isinstance(text, str) and text[:1] == "[" and text[-1:] == "]"), None):
        raise ValueError(f"a list that cannot be read is next to {plural(len(boxes), 'place')}: {show(unread)}")
    if len({len(value) for value in lists.values()}) > 1:
        lengths = ", ".join(f"{len(value)} of {key}" for key, value in sorted(lists.items()))
        raise ValueError(f"lists side by side are of several lengths: {lengths}")
    return [{key: lists[key][at] if key in lists else value_at(held, key) for key in keys} for at in range(len(boxes))]
