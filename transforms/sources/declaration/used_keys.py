"""Refuse keys of a declaration that its format does not use: they would change nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import TomlTable
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import EVERY_KEY
from medmultipoints.transforms.sources.registry import EVERY_FORMAT, find_format

_ONTOLOGY: Final = frozenset({"known", "hierarchy", "synonyms"})
_READING: Final = frozenset({"format", "annotations", "labels"})
"""Keys of each further reading."""
_TABLES: Final = {"fields"} | {
    name
    for name, field in Declaration.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, TomlTable)
}


def refuse_unused(read: Mapping[str, Any]) -> None:
    """Raise UsageError for a key of a ``[read]`` table that its format, or that of a further reading, does not use."""
    form = find_format(str(read["format"]))
    for key in _stated(read):
        _check(key, form.name, used_keys(form.name))
    for name, keys in dict(read.get("also") or {}).items():
        other = find_format(str(keys.get("format") or name))
        for key in _stated(keys):
            _check(key, other.name, other.keys | _READING, f"also.{name}.")
    boxes = read.get("boxes") or {}
    if boxes.get("frame") and boxes.get("form", "xyxy") != "xyxy":
        raise UsageError(
            f'read.boxes.frame: boxes of the form {boxes["form"]} have no frame; leave it out, or set form = "xyxy".'
        )


def used_keys(name: str) -> frozenset[str]:
    """Return all keys that a declaration of a format may have."""
    form = find_format(name)
    return form.keys | (_ONTOLOGY if form.index else EVERY_KEY)


def _stated(read: Mapping[str, Any]) -> Iterator[str]:
    for key, value in read.items():
        yield from (f"{key}.{inner}" for inner in value) if key in _TABLES and isinstance(value, Mapping) else [key]


def _check(key: str, name: str, known: frozenset[str], place: str = "") -> None:
    if key not in known:
        users = ", ".join(form.name for form in EVERY_FORMAT if key in form.keys)
        remedy = f"leave it out (used by {users})" if users else "leave it out"
        raise UsageError(f"read.{place}{key}: the format {name} does not use it; {remedy}.")
