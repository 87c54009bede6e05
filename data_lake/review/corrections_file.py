"""Write the desk's corrections file: each change is locked, checked and synced to disk before it is confirmed.

The file is the only state, so a reload, a second window, a second server or a kill loses nothing. Changes by others (an
editor, git) are read again before each change.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from medmultipoints.data_lake.store.temporary import write_durably
from medmultipoints.transforms.errors import DataError, MachineError, UsageError
from medmultipoints.transforms.review.decisions import FROM_MASKS
from medmultipoints.transforms.review.entries import Entry, sort_key
from medmultipoints.transforms.review.mask_files import Masks, mask_boxes, mask_text, parse_masks
from medmultipoints.transforms.review.toml_tables import TomlChangeError, add_table, remove_table
from medmultipoints.transforms.toml_text import parse_toml

CORRECTIONS, OPINIONS, SAMPLES, WITHDRAWN = "corrections", "opinions", "samples", "withdrawn"
Check = Callable[[str, bytes, Path], object]
"""Reads a file as a build does: its name, its content, its folder; raises where an entry is not valid."""
LOCK_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Entries:
    """The content of the file; entries with masks have their boxes under ``FROM_MASKS``."""

    corrections: tuple[Entry, ...] = ()
    opinions: tuple[Entry, ...] = ()
    samples: tuple[Entry, ...] = ()
    withdrawn: tuple[Entry, ...] = ()


@dataclass(slots=True)
class Change:
    """The text of the file during a change, with masks to write and to remove."""

    text: str
    masks: dict[str, Masks] = field(default_factory=dict)

    def add(self, name: str, entry: Entry) -> None:
        """Add a table at its sorted position."""
        self.text = add_table(self.text, name, plain_entry(entry), sort_key)

    def remove(self, name: str, entry: Entry) -> None:
        """Remove a table."""
        self.text = remove_table(self.text, name, plain_entry(entry))


class CorrectionsFile:
    """A corrections file, ``path``; the first decision creates it."""

    def __init__(self, path: Path, check: Check) -> None:
        self.path = path
        self._check = check
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))

    def stamp(self) -> tuple[int, int]:
        """Return a value that changes whenever somebody writes the file."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_size)

    def read(self) -> Entries:
        """Return all entries; UsageError names the error in a file that a build would refuse."""
        text = self._text()
        self._check(self.path.name, text.encode(), self.path.parent)
        return self._entries(text)

    @contextmanager
    def change(self) -> Iterator[tuple[Entries, Change]]:
        """Lock the file, and write the block's changes atomically; they are on disk when the block ends."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock.acquire(timeout=LOCK_SECONDS):
                text = self._text()
                change = Change(text)
                yield self._entries(text), change
                for name, masks in change.masks.items():
                    write_durably(self.path.with_name(name), mask_text(masks).encode())
                self._check(self.path.name, change.text.encode(), self.path.parent)
                if change.text != text:
                    write_durably(self.path, change.text.encode())
                    self._drop_masks(text, change.text)
        except TomlChangeError as error:
            raise DataError(f"{self.path}: {error}. Correct the file by hand, then decide again.") from error
        except OSError as error:
            raise MachineError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def _text(self) -> str:
        try:
            return self.path.read_text("utf-8-sig")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.path} is not UTF-8 text. Correct the file.") from error

    def _entries(self, text: str) -> Entries:
        found = parse_toml(text, str(self.path))
        return Entries(
            *(tuple(map(self._with_masks, found.get(name, ()))) for name in (CORRECTIONS, OPINIONS, SAMPLES, WITHDRAWN))
        )

    def _with_masks(self, entry: Entry) -> Entry:
        if "masks" not in entry:
            return entry
        return {**entry, FROM_MASKS: mask_boxes(read_masks(self.path.with_name(entry["masks"])))}

    def _drop_masks(self, before: str, after: str) -> None:
        """Remove mask files that no entry refers to any more."""
        for name in _mask_names(before) - _mask_names(after):
            self.path.with_name(name).unlink(missing_ok=True)


def plain_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry in the form of the file."""
    return {key: value for key, value in entry.items() if key != FROM_MASKS}


def read_masks(path: Path) -> Masks:
    """Return the masks of a file; DataError if it is damaged."""
    try:
        return parse_masks(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a file of masks: {error}. Get it again, or remove its entry.") from error


def _mask_names(text: str) -> set[str]:
    found: Mapping[str, Sequence[Entry]] = tomllib.loads(text)
    return {entry["masks"] for name in (CORRECTIONS, OPINIONS) for entry in found.get(name, ()) if "masks" in entry}
