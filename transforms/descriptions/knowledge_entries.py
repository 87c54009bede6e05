"""Parse and retrieve general definitions of labels, findings and organs, each with source and licence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.toml_text import parse_toml

EntryKind = Literal["label", "finding", "organ"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A definition of a label, finding or organ (``about``, as the release writes it), with its source and licence."""

    kind: EntryKind
    about: str
    definition: str
    source: str
    licence: str


_KEYS: Final = tuple(field.name for field in fields(Entry))


def parse_entries(name: str, text: str) -> tuple[Entry, ...]:
    """Return the entries (tables ``[[entries]]``) of one TOML file.

    Raise UsageError, with the file and entry, if an entry is malformed or lacks a key; source and licence are required.
    """
    content = parse_toml(text, f"knowledge {name}")
    listed = content.get("entries")
    if set(content) != {"entries"} or not isinstance(listed, list):
        raise UsageError(f"knowledge {name}: expected tables [[entries]] and nothing else. Correct the file.")
    return tuple(_entry(f"knowledge {name}, entry {number}", one) for number, one in enumerate(listed, start=1))


def _entry(where: str, given: Any) -> Entry:
    if not isinstance(given, Mapping):
        raise UsageError(f"{where}: not a table. Write it as [[entries]].")
    about = f" ({given['about']})" if isinstance(given.get("about"), str) else ""
    for key in _KEYS:
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise UsageError(f"{where}{about}: {key} is missing. Every entry needs {', '.join(_KEYS)}.")
    if unknown := sorted(set(given) - set(_KEYS)):
        raise UsageError(f"{where}{about}: unknown key {unknown[0]}. The keys are {', '.join(_KEYS)}.")
    if given["kind"] not in get_args(EntryKind):
        raise UsageError(f"{where}{about}: kind is one of {', '.join(get_args(EntryKind))}.")
    texts = {key: " ".join(given[key].split()) for key in _KEYS if key != "kind"}
    return Entry(kind=given["kind"], **texts)


def retrieve(entries: Iterable[Entry], wanted: Mapping[EntryKind, Sequence[str]]) -> tuple[Entry, ...]:
    """Return the entries about the wanted names, by kind and name; a later entry replaces an earlier one."""
    known = {(one.kind, one.about.casefold()): one for one in entries}
    keys = [(kind, name.casefold()) for kind in get_args(EntryKind) for name in sorted(set(wanted.get(kind, ())))]
    return tuple(known[key] for key in keys if key in known)
