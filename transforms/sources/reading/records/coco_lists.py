"""Read the lists of COCO documents: images and categories by id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from medmultipoints.transforms.sources.reading.records.json_rows import JsonDocument, show
from medmultipoints.transforms.sources.reading.records.row_facts import entry_facts
from medmultipoints.transforms.sources.reading.records.table_columns import parse_box
from medmultipoints.transforms.sources.reading.shapes import finite
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

CATEGORY: Final = "category_id"
_OWN: Final = frozenset({"id", "file_name", "width", "height", "license", "flickr_url", "coco_url", "date_captured"})
"""Keys of an image by the format."""


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image of a document: its name, its size as stated, and further keys, such as ``patient_id``."""

    file_name: str
    size: tuple[int, int] | None
    facts: Mapping[str, str] = field(default_factory=dict, compare=False)


def read_images(document: JsonDocument) -> dict[Any, CocoImage]:
    """Return images by id, without ambiguous ids of several files."""
    found: dict[Any, CocoImage] = {}
    repeated: set[Any] = set()
    for entry in document.items("images"):
        if isinstance(entry, dict) and isinstance(entry.get("file_name"), str):
            size = size_of(entry.get("width"), entry.get("height"))
            key, image = identifier(entry.get("id")), CocoImage(entry["file_name"], size, entry_facts(entry, _OWN))
            if found.setdefault(key, image).file_name != image.file_name:
                repeated.add(key)
    return {key: image for key, image in found.items() if key not in repeated}


def identifier(value: Any) -> Any:
    """Return a hashable id: ``1``, ``1.0`` and ``"1"`` are one id, since writers mix them; other values as text."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and str(int(value)) == value else value
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and finite([value]) and value == int(value) else show(value)


def read_categories(document: JsonDocument, key: str = CATEGORY) -> dict[Any, str]:
    """Return category names by id, without ambiguous ids of several names.

    DENTEX's ``category_id_3`` refers to the list ``categories_3``.
    """
    found: dict[Any, str] = {}
    repeated: set[Any] = set()
    for entry in document.items("categories" + key.removeprefix(CATEGORY)):
        if isinstance(entry, dict) and entry.get("name") not in (None, ""):
            number, label = identifier(entry.get("id")), str(entry["name"]).strip()
            if found.setdefault(number, label) != label:
                repeated.add(number)
    return {number: label for number, label in found.items() if number not in repeated}


def is_crowd(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry is a crowd region; CVAT (which writes ``occluded``) marks each mask with iscrowd 1."""
    return entry.get("iscrowd") == 1 and "occluded" not in (entry.get("attributes") or ())


def box_numbers(stated: Any) -> Any:
    """Return the numbers of a ``bbox``, also of one written as text (``"[1, 2, 3, 4]"``), or the value itself."""
    return (parse_box(stated) or stated) if isinstance(stated, str) else stated


def list_categories(document: JsonDocument) -> tuple[str, ...]:
    """Return the names of categories written as a plain list of texts, else an empty tuple."""
    held = list(document.items("categories"))
    return tuple(held) if held and all(isinstance(name, str) for name in held) else ()
