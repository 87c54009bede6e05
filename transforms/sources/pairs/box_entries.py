"""Parse the boxes of pictures by name, in the JSON schema of HyperKvasir and Kvasir-Instrument.

``{"<stem>": {"height": 529, "width": 622,
"bbox": [{"label": "polyp", "xmin": 38, "ymin": 5, "xmax": 430, "ymax": 338}]}}``
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import normalize

from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.records import Box, SourceBox
from medmultipoints.transforms.sources.accounting import Problem
from medmultipoints.transforms.sources.reading.records.json_rows import show
from medmultipoints.transforms.sources.reading.shapes import finite

LARGEST_SIDE_PX = 100_000
_EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class BoxEntry:
    """JSON entry of one image: its size in pixels and its boxes, in the source's convention."""

    width: int
    height: int
    boxes: tuple[SourceBox, ...]


class _Object(dict[str, object]):
    """A JSON object with the list of its repeated keys."""

    repeated: tuple[str, ...] = ()


class _EntryError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = Problem(reason, detail)


def parse_box_json(
    source: str, member: str, data: bytes, labels: Mapping[str, str]
) -> tuple[dict[str, BoxEntry], dict[str, Problem]]:
    """Return the valid entries of a box file by stem, and the problem of each invalid one.

    ``labels``: released label of each label of the file. Boxes keep their numbers and convention; only label names are
    mapped. ``xmax == width`` and ``ymax == height`` are valid: the files enlarge each box by one pixel.
    Reasons: ``duplicate_stem``, ``duplicate_key``, ``entry_not_an_object``, ``box_key_missing``, ``box_not_a_number``,
    ``box_inverted``, ``box_outside_image``, ``size_invalid``, ``label_unknown``.
    Errors: SourceDataError if the file is not a JSON object.
    """
    entries: dict[str, BoxEntry] = {}
    problems: dict[str, Problem] = {}
    document = _parse_document(source, member, data)
    for stem, value in document.items():
        where = f"{member}, entry {stem!r}"
        try:
            if stem in document.repeated:
                raise _EntryError("duplicate_stem", f"{where}: the key occurs more than once")
            entries[stem] = _parse_entry(where, value, labels)
        except _EntryError as error:
            problems[stem] = error.problem
    return entries, problems


def _parse_document(source: str, member: str, data: bytes) -> _Object:
    remedy = "Give the file as its authors publish it."
    try:
        document = json.loads(data, object_pairs_hook=_make_object)
    except (ValueError, RecursionError) as error:
        raise SourceDataError(source, member, f"is not JSON ({error})", remedy) from error
    if not isinstance(document, _Object):
        raise SourceDataError(source, member, f"holds a {type(document).__name__}, not a JSON object", remedy)
    return document


def _make_object(pairs: list[tuple[str, object]]) -> _Object:
    """Return the object with its keys in NFC, like the names of members."""
    named = [(normalize("NFC", key), value) for key, value in pairs]
    made = _Object(named)
    if len(made) != len(named):
        times = Counter(key for key, _ in named)
        made.repeated = tuple(key for key in made if times[key] > 1)
    return made


def _parse_entry(where: str, value: object, labels: Mapping[str, str]) -> BoxEntry:
    entry = _as_object(where, value, ("width", "height", "bbox"))
    width, height = (_parse_side(where, key, entry[key]) for key in ("width", "height"))
    boxes = entry["bbox"]
    if not isinstance(boxes, list):
        raise _EntryError("entry_not_an_object", f"{where}: 'bbox' is {show(boxes)}, not a list")
    size = BoxEntry(width, height, ())
    parsed = tuple(_parse_box(f"{where}, box {i}", box, size, labels) for i, box in enumerate(boxes))
    return BoxEntry(width, height, parsed)


def _as_object(where: str, value: object, keys: tuple[str, ...]) -> _Object:
    if not isinstance(value, _Object):
        raise _EntryError("entry_not_an_object", f"{where}: {show(value)} is not a JSON object")
    if value.repeated:
        raise _EntryError("duplicate_key", f"{where}: key {value.repeated[0]!r} occurs more than once")
    missing = [key for key in keys if key not in value]
    if missing:
        raise _EntryError("box_key_missing", f"{where}: key {missing[0]!r} is missing")
    return value


def _parse_side(where: str, key: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_SIDE_PX:
        return value
    detail = f"{where}: {key} is {show(value)}, not a whole number from 1 to {LARGEST_SIDE_PX}"
    raise _EntryError("size_invalid", detail)


def _parse_box(where: str, value: object, size: BoxEntry, labels: Mapping[str, str]) -> SourceBox:
    fields = _as_object(where, value, ("label", *_EDGES))
    label = fields["label"]
    if not isinstance(label, str) or label not in labels:
        known = ", ".join(labels)
        raise _EntryError("label_unknown", f"{where}: label is {show(label)}, expected one of {known}")
    x1, y1, x2, y2 = (_parse_edge(where, key, fields[key]) for key in _EDGES)
    stated = f"{where}: xmin, ymin, xmax, ymax are {x1:g}, {y1:g}, {x2:g}, {y2:g}"
    if x1 >= x2 or y1 >= y2:
        raise _EntryError("box_inverted", f"{stated}, so the box has no area")
    if x1 < 0 or y1 < 0 or x2 > size.width or y2 > size.height:
        raise _EntryError("box_outside_image", f"{stated}, but the image is {size.width}x{size.height}")
    return SourceBox(labels[label], Box(x1, y1, x2, y2))


def _parse_edge(where: str, key: str, value: object) -> float:
    if isinstance(value, int | float) and finite([value]):
        return float(value)
    raise _EntryError("box_not_a_number", f"{where}: {key} is {show(value)}, not a finite number")
