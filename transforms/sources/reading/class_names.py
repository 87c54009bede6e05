"""Find names of class numbers in the files of a source: YAML, one name per line, tables of name and number."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from medmultipoints.transforms.regions.decimals import is_whole
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, folder
from medmultipoints.transforms.sources.reading.proposing import Draft

_NAMED = re.compile(r"(^|/)([a-z0-9]*[_-])?(classes|class_names|labels|names)(\.txt|\.csv)?$|\.(names|labels)$")
"""Files that tools write only for class names; other lists of words are offered as guesses."""
_WHOLE = re.compile(r"(\d{1,9})(\.0*)?")


def class_number(text: str) -> int | None:
    """Return a class number, also written as ``3.0``, or None for other texts."""
    found = _WHOLE.fullmatch(text) if text.isascii() else None
    return int(found[1]) if found else None


def class_name(classes: Sequence[str], number: int) -> str:
    """Return the name of a class number; empty if it has none."""
    return classes[number] if 0 <= number < len(classes) else ""


@dataclass
class ClassNames:
    """Lists of class names and likely lists, by file, and the shape of key points."""

    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    guesses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    key_points: tuple[int, int] | None = None


def find_class_names(listing: Listing, labels: Collection[str]) -> ClassNames:
    """Return the lists of class names in files other than ``labels``."""
    found = ClassNames()
    pictures = {split_path(name).stem for name in listing.pictures}
    for name in listing.of("text"):
        extension = split_path(name).extension
        head = listing.head(name)
        if name in labels or len(head) >= 1 << 16:
            continue
        if extension in (".yaml", ".yml"):
            _read_yaml(found, name, head)
        elif extension == ".csv" and (names := _numbered_rows(head)):
            if names[0] or _NAMED.search(name.lower()):
                found.lists[name] = names
        elif extension in (".txt", ".names", ".labels", "") and (names := _one_per_line(head)):
            if _NAMED.search(name.lower()):
                found.lists[name] = names
            elif len(pictures & set(names)) * 2 <= len(names):
                found.guesses[name] = names
    return found


def names_by_folder(lists: Mapping[str, tuple[str, ...]], labels: Collection[str]) -> dict[str, str]:
    """Return the file of names above each label file, if folders have lists of their own that differ, else nothing.

    A label file with no list above it, or with several that differ, says nothing about any: the result is empty.
    """
    places = {name: f"{folder(name)}/".lstrip("/") for name in lists}
    above = {label: [name for name in lists if label.startswith(places[name])] for label in labels}
    if any(len({lists[name] for name in near}) != 1 for near in above.values()):
        return {}
    nearest = {label: near[0] for label, near in above.items()}
    return nearest if len({lists[name] for name in nearest.values()}) > 1 else {}


def ask_class_names(
    draft: Draft,
    listing: Listing,
    labels: Collection[str],
    numbers: Sequence[int],
    own: Sequence[tuple[str, ...]] = (),
) -> None:
    """Propose the names of class numbers if exactly one list of the source names them all, else ask.

    ``own``: lists of names in the annotation files themselves.
    """
    files = find_class_names(listing, labels).lists.values()
    lists = {held for held in (*files, *own) if has_names(held, numbers)}
    if len(lists) == 1:
        draft.line("classes", lists.pop(), "a file of the source names the class numbers")
    else:
        shown = ", ".join(map(str, numbers[:20]))
        choices = [toml_value(held) for held in sorted(lists)]
        draft.ask("classes", f"What are the class numbers {shown}? {names_wanted(numbers)}", choices)


def has_names(held: Sequence[str], numbers: Collection[int]) -> bool:
    """Return whether a list from 0 on has a name for every class number in use."""
    return all(0 <= number < len(held) and held[number] for number in numbers)


def names_wanted(numbers: Sequence[int]) -> str:
    """Return the sentence that asks for the names of class numbers; a name of its own keeps 0 from shifting them."""
    if min(numbers) == 0:
        return 'Give names from 0 on: ["a", "b"].'
    return 'Give names from 0 on, "" for numbers that no object has: ["", "a", "b"].'


def names_of_codes(listing: Listing, labels: Collection[str]) -> tuple[str, dict[str, str]] | None:
    """Return the table that names all label codes (such as ``/m/0bt9lr``), and the name of each, or None."""
    if not labels or not all(re.fullmatch(r"\S*[\d/]\S*", label) for label in labels):
        return None
    for name in listing.of("text"):
        try:
            rows = [row for row in csv.reader(io.StringIO(listing.read(name).decode("utf-8-sig"))) if row]
        except (UnicodeDecodeError, csv.Error):
            continue
        if rows and all(len(row) == 2 for row in rows) and set(labels) <= (held := dict(rows)).keys():
            return name, {label: held[label].strip() for label in sorted(labels)}
    return None


def _read_yaml(found: ClassNames, name: str, data: bytes) -> None:
    try:
        held = yaml.load(data, yaml.BaseLoader)  # noqa: S506 (BaseLoader returns only text; a class may be called ``no``)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    if not isinstance(held, dict):
        return
    names = held.get("names")
    if isinstance(names, dict) and all(map(is_whole, names)):
        last = max(map(int, names), default=-1)
        if last < 10_000:
            numbered = {int(number): str(text) for number, text in names.items()}
            found.lists[name] = tuple(numbered.get(at, "") for at in range(last + 1))
    elif isinstance(names, list):
        found.lists[name] = tuple(map(str, names))
    shape = held.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(side, str) and is_whole(side) for side in shape):
        found.key_points = int(shape[0]), int(shape[1])


def _one_per_line(data: bytes) -> tuple[str, ...]:
    """Return the names of a file with one short name per line; empty for prose, paths and numbers."""
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        return ()
    while lines and not lines[-1]:
        lines.pop()
    plain = all(line and len(line) <= 60 and not re.search(r"[/\\{}<>=#]|\.(jpe?g|png|tiff?)$", line) for line in lines)
    words = sum(len(line.split()) > 4 for line in lines)
    numbers = sum(bool(re.fullmatch(r"[-+0-9.eE\s,;]+", line)) for line in lines)
    return tuple(lines) if lines and plain and not words and not numbers and len(set(lines)) == len(lines) else ()


def _numbered_rows(data: bytes) -> tuple[str, ...]:
    """Return the names of a table of names and numbers (in any order) 0, 1, 2, ... or 1, 2, 3, ..., else nothing.

    If the numbers begin with 1, the name of 0 is empty.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error):
        return ()
    if not rows or any(len(row) != 2 for row in rows):
        return ()
    body = rows[1:] if class_number(rows[0][0]) is class_number(rows[0][1]) is None else rows
    pairs = sorted((number, other) for row in body if (pair := _pair(row)) for number, other in [pair])
    first = pairs[0][0] if pairs else 0
    sound = len(pairs) == len(body) and [number for number, _ in pairs] == list(range(first, first + len(pairs)))
    return (*[""] * first, *(name for _, name in pairs)) if sound and first <= 1 else ()


def _pair(row: list[str]) -> tuple[int, str] | None:
    first, second = row[0].strip(), row[1].strip()
    numbers = class_number(first), class_number(second)
    if numbers[0] is not None and numbers[1] is None:
        return numbers[0], second
    return (numbers[1], first) if numbers[1] is not None and numbers[0] is None else None
