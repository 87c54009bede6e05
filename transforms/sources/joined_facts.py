"""Collect the facts of each picture apart from annotations: group, official split, licence, columns.

Facts come from the holes of the picture's path, from lists of names, and from tables joined by a hole.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from medmultipoints.transforms.errors import MemberProblem, SourceDataError, UsageError
from medmultipoints.transforms.licences.combine import LICENCE, OWN, nearest_licence, spdx_licence
from medmultipoints.transforms.sources.accounting import Problem
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.parts import COLUMNS, DICOM_HOLES, EACH_PICTURE
from medmultipoints.transforms.sources.declaration.patterns import Pattern, compile_pattern, fill, template_holes
from medmultipoints.transforms.sources.hidden_names import hash_name
from medmultipoints.transforms.sources.joined_tables import JoinedTable, read_tables
from medmultipoints.transforms.sources.paths import differ_in_zeros, split_path
from medmultipoints.transforms.sources.reading.listing import matching
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
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
    tables: Mapping[str, JoinedTable]
    listed: Mapping[str, tuple[str, ...]]
    members: frozenset[str]

    def of(self, picture: AnnotatedPicture) -> PictureFacts:
        """Return the facts of a picture. Raise UsageError if the picture's path does not fill a hole."""
        holes = self.holes(picture)
        rows = {name: table.row(picture.member, holes) for name, table in self.tables.items()}
        columns = {name: value for name, value in holes.items() if name in COLUMNS - self.declaration.row_holes}
        columns |= self._table_columns(rows)
        holes |= {f"{name}.{column}": value for name, row in rows.items() for column, value in row.items()}
        filled = {name: self._fill(text, holes) for name, text in self.declaration.columns.items()}
        columns |= {name: text for name, text in filled.items() if text}
        split = self._split(picture, holes, columns)
        stated = self._licence(picture.member)
        licence, unlisted = (stated, None) if stated else _read_licence(picture.member, columns.get("licence", ""))
        return PictureFacts(
            columns={name: value for name, value in columns.items() if name not in ("group", "split", "licence")},
            group=self._group(holes, columns) or None,
            split=OFFICIAL.get(split[0].casefold()) if split else None,
            licence=licence,
            problem=self._group_problem(picture, holes, columns) or _contradiction(picture.member, split) or unlisted,
        )

    def holes(self, picture: AnnotatedPicture) -> dict[str, str]:
        """Return the texts of the holes of a picture: of its path, its name, and its rows."""
        matches = (pattern.match(picture.member) for pattern in self.images)
        found = next((match for match in matches if match is not None), {})
        path = split_path(picture.member)
        return {"stem": path.stem, "name": picture.name or path.stem, **picture.columns, **found}

    def _table_columns(self, rows: Mapping[str, Row]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, keys in self.declaration.tables.items():
            for left, right in keys.columns.items():
                if not isinstance(right, str):
                    continue
                column, own = (left, right) if left in COLUMNS else (right, left)
                if rows[name].get(own):
                    found[column] = rows[name][own]
        return found

    def _fill(self, template: str, holes: Row) -> str:
        """Return the filled text; empty if a row or a joined table has no value, or several, for the picture."""
        own = [hole for hole in template_holes(template) if hole in self.declaration.row_holes or "." in hole]
        return fill(template, holes) if all(holes.get(hole) for hole in own) else ""

    def _split(self, picture: AnnotatedPicture, holes: Row, columns: Row) -> tuple[str, ...]:
        """Return all official splits of the picture."""
        source = self.declaration.splits.source
        if source is not None:
            split = self._fill(source, holes)
            return (self.declaration.splits.named(split),) if split else ()
        if self.declaration.splits.lists is not None:
            path = split_path(picture.member)
            names = (picture.member, picture.name, path.filename, path.stem)
            return next((self.listed[name] for name in names if name in self.listed), ())
        return (columns["split"],) if columns.get("split") else ()

    def _group(self, holes: Row, columns: Row) -> str | None:
        template = self.declaration.groups.group
        if template is None or template == EACH_PICTURE:
            return columns.get("group") if template is None else None
        group = self._fill(template, holes)
        secret = self.declaration.groups.hash or DICOM_HOLES & set(template_holes(template))
        return hash_name(group) if group and secret else group

    def _group_problem(self, picture: AnnotatedPicture, holes: Row, columns: Row) -> Problem | None:
        """Return the problem of a picture whose group is declared and unknown: it could leak into another split."""
        template = self.declaration.groups.group or self.declaration.columns.get("group")
        mapped = any("group" in item for keys in self.declaration.tables.values() for item in keys.columns.items())
        if template == EACH_PICTURE or not (template or mapped) or self._group(holes, columns):
            return None
        said = f"{picture.member}: no row, or no single value, gives its group" + (f" {template!r}" if template else "")
        return Problem("group_unknown", said)

    def _licence(self, member: str) -> str | None:
        fitting = (text for text in self.declaration.licences if compile_pattern(text).match(member) is not None)
        return next((self.declaration.licences[text] for text in fitting), None)


def collect_facts(source: str, declaration: Declaration, files: Files) -> JoinedFacts:
    """Return the facts from a declaration's lists and tables. Raise SourceDataError if one cannot be read."""
    tables = read_tables(source, declaration, files)
    names = sorted(files.names())
    lists = _find_lists(source, declaration, names)
    listed: dict[str, tuple[str, ...]] = {}
    pictures = matching(names, declaration.images) if lists else ()
    index = PictureIndex(tuple(name for name in pictures if name not in lists))
    for member, split in lists.items():
        for name in _list_names(source, files, member, index):
            listed[name] = tuple(dict.fromkeys((*listed.get(name, ()), split)))
    members = {*lists, *(keys.file for keys in declaration.tables.values())}
    return JoinedFacts(declaration, tuple(map(compile_pattern, declaration.images)), tables, listed, frozenset(members))


def refuse_unfilled(
    source: str, joined: JoinedFacts, pictures: Collection[AnnotatedPicture], names: Iterable[str]
) -> None:
    """Raise UsageError for a hole that is no column of rows or of a table, and for what matches no picture or file."""
    declaration = joined.declaration
    _refuse_unmatched(source, "drop", declaration.drop, names, "file")
    if not pictures:
        return
    _refuse_unmatched(source, "licences", declaration.licences, [picture.member for picture in pictures], "picture")
    for hole in sorted(declaration.row_holes):
        if not any(hole in picture.columns for picture in pictures):
            said = f"{{{hole}}} is neither a hole of a pattern nor a column of the rows"
            raise UsageError(f"sources.{source}.read: {said}.")
    for name, table in joined.tables.items():
        file = declaration.tables[name].file
        columns = next(iter(table.rows.values()), {}).keys()
        for column in sorted(declaration.table_holes(name) - columns):
            there = ", ".join(sorted(columns))
            raise UsageError(f"sources.{source}.read: {file} has no column {column!r}; it has {there}.")
        if not any(table.row(picture.member, joined.holes(picture)) for picture in pictures):
            said = f"no row of {file} joins a picture: {table.on} is {next(iter(table.rows), '')!r} there"
            remedy = f"read.tables.{name}.on is the column that names the picture, or a hole of the paths"
            held = (
                text for one in pictures for text in (joined.holes(one).get(table.on, ""), split_path(one.member).stem)
            )
            if pair := differ_in_zeros(table.rows, held):
                remedy = f"{pair[0]} there and {pair[1]} in paths differ in leading zeros alone: write them alike"
            raise UsageError(f"sources.{source}: {said}; {remedy}.")


def _refuse_unmatched(source: str, key: str, patterns: Iterable[str], names: Iterable[str], what: str) -> None:
    for text in patterns:
        pattern = compile_pattern(text)
        if not any(pattern.fits(name) for name in names):
            raise UsageError(f"sources.{source}.read.{key}: {text!r} matches no {what} of the source.")


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


def _list_names(source: str, files: Files, member: str, index: PictureIndex) -> Iterator[str]:
    """Yield the names of each line: the picture of its path, or the line, its first word, and that without extension.

    A path with folders names that picture alone, since other folders may have a picture of the same name.
    """
    for line in filter(None, map(str.strip, _text(source, files, member).splitlines())):
        first = line.split()[0]
        yield from {line, first}
        if not {"/", "\\"} & set(line):
            yield split_path(first).stem
        elif (found := index.find(line).member or index.find(first).member) is not None:
            yield found


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
