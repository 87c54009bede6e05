"""Collect the facts of each picture apart from annotations: group, official split, licence, columns.

Facts come from the holes of the picture's path, from lists of names, and from tables joined by a hole.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from medmultipoints.transforms.errors import MemberProblem, SourceDataError, UsageError
from medmultipoints.transforms.licences.combine import LICENCE, OWN, nearest_licence, spdx_licence
from medmultipoints.transforms.sources.accounting import Problem
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files
from medmultipoints.transforms.sources.declaration import COLUMNS, DICOM_HOLES, EACH_PICTURE, Declaration, TableKeys
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.patterns import Pattern, compile_pattern, fill, template_holes
from medmultipoints.transforms.splits.official import OFFICIAL

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Facts of one picture; ``problem`` if they contradict each other."""

    columns: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    split: str | None = None
    licence: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class JoinedFacts:
    """Facts of all pictures of a source; ``members``: the files they were read from."""

    declaration: Declaration
    images: tuple[Pattern, ...]
    tables: Mapping[str, Mapping[str, Row]]
    listed: Mapping[str, tuple[str, ...]]
    members: frozenset[str]

    def of(self, picture: AnnotatedPicture) -> PictureFacts:
        """Return the facts of a picture. Raise UsageError if the picture's path does not fill a hole."""
        holes = self._holes(picture)
        columns = {name: value for name, value in holes.items() if name in COLUMNS}
        columns |= self._table_columns(holes)
        columns |= {name: fill(text, holes) for name, text in self.declaration.columns.items()}
        split = self._split(picture, holes, columns)
        stated = self._licence(picture.member)
        licence, unlisted = (stated, None) if stated else _read_licence(picture.member, columns.get("licence", ""))
        return PictureFacts(
            columns={name: value for name, value in columns.items() if name not in ("group", "split", "licence")},
            group=self._group(holes, columns),
            split=OFFICIAL.get(split[0].casefold()) if split else None,
            licence=licence,
            problem=_contradiction(picture.member, split) or unlisted,
        )

    def _holes(self, picture: AnnotatedPicture) -> dict[str, str]:
        matches = (pattern.match(picture.member) for pattern in self.images)
        found = next((match for match in matches if match is not None), {})
        path = split_path(picture.member)
        return {"stem": path.stem, "name": picture.name or path.stem, **picture.columns, **found}

    def _table_columns(self, holes: Row) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, keys in self.declaration.tables.items():
            row = self._row(name, holes)
            for left, right in keys.columns.items():
                if not isinstance(right, str):
                    continue
                column, own = (left, right) if left in COLUMNS else (right, left)
                if row.get(own):
                    found[column] = row[own]
        return found

    def _row(self, table: str, holes: Row) -> Row:
        keys = self.declaration.tables[table]
        return self.tables[table].get(holes.get(_hole_of(keys), ""), {})

    def _split(self, picture: AnnotatedPicture, holes: Row, columns: Row) -> tuple[str, ...]:
        """Return all official splits of the picture."""
        source = self.declaration.splits.source
        if source is not None and "{" not in source:
            table, _, column = source.partition(".")
            if table not in self.tables:
                raise UsageError(f"splits.from: no table {table!r}; declare [read.tables.{table}].")
            value = self._row(table, holes).get(column)
            return (self.declaration.splits.named(value),) if value else ()
        if source is not None:
            return (self.declaration.splits.named(fill(source, holes)),)
        if self.declaration.splits.lists is not None:
            path = split_path(picture.member)
            names = (picture.name, picture.member, path.filename, path.stem)
            return next((self.listed[name] for name in names if name in self.listed), ())
        return (columns["split"],) if columns.get("split") else ()

    def _group(self, holes: Row, columns: Row) -> str | None:
        template = self.declaration.groups.group
        if template is None or template == EACH_PICTURE:
            return columns.get("group") if template is None else None
        group = fill(template, holes)
        secret = DICOM_HOLES & set(template_holes(template))
        return hashlib.sha256(group.encode()).hexdigest()[:16] if secret else group

    def _licence(self, member: str) -> str | None:
        fitting = (text for text in self.declaration.licences if compile_pattern(text).match(member) is not None)
        return next((self.declaration.licences[text] for text in fitting), None)


def collect_facts(source: str, declaration: Declaration, files: Files) -> JoinedFacts:
    """Return the facts from a declaration's lists and tables. Raise SourceDataError if one cannot be read."""
    names = set(files.names())
    tables = {name: _read_table(source, name, keys, files, names) for name, keys in declaration.tables.items()}
    lists = _find_lists(source, declaration, sorted(names))
    listed: dict[str, tuple[str, ...]] = {}
    for member, split in lists.items():
        for name in _list_names(source, files, member):
            listed[name] = tuple(dict.fromkeys((*listed.get(name, ()), split)))
    members = {*lists, *(keys.file for keys in declaration.tables.values())}
    return JoinedFacts(declaration, tuple(map(compile_pattern, declaration.images)), tables, listed, frozenset(members))


def _find_lists(source: str, declaration: Declaration, names: Iterable[str]) -> dict[str, str]:
    """Return the split of each used list of names."""
    if declaration.splits.lists is None:
        return {}
    pattern = compile_pattern(declaration.splits.lists)
    found = {name: holes.get("split", "") for name in names if (holes := pattern.match(name)) is not None}
    used = {
        name: split for name, split in found.items() if not declaration.splits.use or split in declaration.splits.use
    }
    if not used:
        raise SourceDataError(
            source, pattern.text, "no list of a split has such a path", "Correct read.splits.lists, or leave it out."
        )
    return used


def _list_names(source: str, files: Files, member: str) -> Iterator[str]:
    """Yield the names of each line: the line, its first word, and that without folders and extension."""
    for line in _text(source, files, member).splitlines():
        if line.strip():
            yield from {line.strip(), line.split()[0], split_path(line.split()[0]).stem}


def _read_table(source: str, name: str, keys: TableKeys, files: Files, names: set[str]) -> dict[str, Row]:
    if keys.file not in names:
        raise SourceDataError(source, keys.file, "the file is missing", f"Correct read.tables.{name}.file.")
    text = _text(source, files, keys.file)
    if keys.shape is not None:
        return _invert(source, name, keys, text)
    rows = list(csv.DictReader(io.StringIO(text), delimiter=keys.delimiter))
    on = _hole_of(keys)
    if rows and on not in rows[0]:
        found = ", ".join(rows[0])
        raise SourceDataError(source, keys.file, f"no column {on!r}; it has {found}", f"Correct read.tables.{name}.on.")
    return {row[on]: {column: value or "" for column, value in row.items() if column is not None} for row in rows}


def _invert(source: str, name: str, keys: TableKeys, text: str) -> dict[str, Row]:
    """Return a row per entry of a JSON object of lists: ``{"train": ["a"]}`` becomes a -> {"split": "train"}."""
    column = (keys.shape or "").partition("->")[0].strip() or "split"
    try:
        loaded = json.loads(text)
        return {str(entry): {column: str(value)} for value, entries in loaded.items() for entry in entries}
    except (ValueError, AttributeError, TypeError) as error:
        problem = f"not a JSON object of lists: {error}"
        raise SourceDataError(source, keys.file, problem, f"Correct read.tables.{name}.shape.") from error


def _hole_of(keys: TableKeys) -> str:
    """Return the hole that joins rows: ``on``, or the last word of ``split -> list of patient``."""
    return keys.on or (keys.shape or "").split()[-1]


def _text(source: str, files: Files, member: str) -> str:
    try:
        return files.read(member).decode("utf-8-sig")
    except (UnicodeDecodeError, MemberProblem) as error:
        raise SourceDataError(source, member, f"not a text file: {error}", "Save it as UTF-8.") from error


def _contradiction(member: str, splits: tuple[str, ...]) -> Problem | None:
    if len(splits) < 2:
        return None
    return Problem("split_contradicts", f"{member}: the source's lists have it in {' and '.join(splits)}")


def _read_licence(member: str, text: str) -> tuple[str | None, Problem | None]:
    """Return a licence from the data in the spelling of SPDX, or the problem that SPDX does not list it."""
    if not text:
        return None, None
    if re.fullmatch(LICENCE, text):
        with suppress(ValueError):
            return spdx_licence(text), None
    near = nearest_licence(text)
    said = f"{member}: SPDX lists no licence {text!r}" + (f"; perhaps {near!r} is meant" if near else "")
    return None, Problem("licence_unlisted", f"{said}; {OWN}NAME names one of your own")
