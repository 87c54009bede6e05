"""Load the upstream sources: one TOML file each, data without code.

A plug-in package adds its own files by the entry point group ``medmultipoints.catalogue`` (the value is the name of an
importable package that contains ``*.toml``) and its reader by the group ``medmultipoints.sources``.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.data_lake.store.keys import CODE_ROOT, code_digest, digest, package_versions
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.licences.combine import Licence, Licensed, Terms, find_terms
from medmultipoints.transforms.problems import (
    ADDRESS,
    FILE_NAME,
    NAME,
    SHA384,
    URL,
    CheckedBy,
    Sha256,
    TomlTable,
    problems,
)
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.toml_text import parse_toml

UNKNOWN_LICENCE = "LicenseRef-unknown"
READERS = "medmultipoints.sources"
CATALOGUES = "medmultipoints.catalogue"
_SOURCES = "medmultipoints.transforms.sources"
OWN_READERS = {
    "frames": EntryPoint("frames", f"{_SOURCES}.frames.reader:read_samples", READERS),
    "hyperkvasir": EntryPoint("hyperkvasir", f"{_SOURCES}.builtin.hyperkvasir:read_samples", READERS),
    "pairs": EntryPoint("pairs", f"{_SOURCES}.pairs.reader:read_samples", READERS),
}
"""The readers of the project: of frames and pairs, and of sources for which a declaration does not suffice."""
_LOG = logging.getLogger(__name__)

Sha384 = Annotated[str, Field(pattern=SHA384)]
# A plain file name: it is joined to a folder, so it must neither lead out of it nor be hidden.
FileName = Annotated[str, Field(pattern=FILE_NAME)]
Url = Annotated[str, Field(pattern=URL)]
Address = Annotated[str, Field(pattern=ADDRESS)]
Label = Annotated[str, Field(pattern=NAME)]


class Archive(TomlTable):
    """One file that the source publishes; ``bytes`` is its known size, for progress and disk space.

    ``sha256`` and ``sha384`` are alternatives; if both are empty, every download is accepted and is not ``known``.
    Archives that are not ``required`` are recognised by their hash but never downloaded.
    """

    name: FileName
    url: Url
    bytes: int | None = Field(default=None, ge=1)
    sha256: tuple[Sha256, ...] = ()
    sha384: tuple[Sha384, ...] = ()
    required: bool = True


class RemoteMember(TomlTable):
    """One member of a remote zip, read by HTTP range and stored as the loose file ``name``."""

    name: FileName
    url: Url
    member: str
    bytes: int | None = Field(default=None, ge=1)
    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1)]


class OwnTerms(TomlTable):
    """The terms of a licence outside the table of known ones; ``under``: compatible licences, the freest first."""

    share: bool = Field(default=True, description="copies may be passed on")
    change: bool = Field(default=True, description="changed copies may be passed on")
    under: tuple[str, ...] = Field(
        default=(), description="licences under which they may be passed on, from free to strict; empty: its own alone"
    )


class SourceInfo(TomlTable):
    """A source: its address, its licence, and its reader: an installed one, or the format declared in ``read``.

    A source with a ``reader`` gives the labels of its objects and its publication; its reader may follow ``read``. A
    declared one needs only its name; its files provide the labels, and ``organ``, ``finding``, ``classification`` and
    ``modality`` if they are missing.
    ``guessed`` are the keys of unconfirmed answers; ``broken`` is the reason why the source is left out, if any.
    """

    name: Label
    reader: str = ""
    labels: tuple[Label, ...] = ()
    title: str = Field(default="", description="what people call the source")
    homepage: Url | Literal[""] = ""
    licence: Licence = Field(
        default=UNKNOWN_LICENCE, description="SPDX identifier, or LicenseRef- and a name; a build asks"
    )
    licence_note: str = Field(default="", description="what to mind about the licence")
    terms: OwnTerms | None = Field(
        default=None,
        description="what a licence of your own (LicenseRef-…) allows: { share = true, change = true, under = "
        '["CC-BY-NC-4.0"] }, the licences of a whole that may hold it',
    )
    citation: str = Field(default="", description="how to cite it")
    doi: str = Field(default="", description="its DOI")
    url: Address | Literal[""] = Field(
        default="",
        description="hf://datasets/OWNER/NAME@COMMIT or s3://BUCKET/FOLDER, where the files are fetched from",
    )
    sha256: Sha256 | None = Field(default=None, description="what identifies the files at url; s3:// needs it")
    archives: tuple[Archive, ...] = ()
    members: tuple[RemoteMember, ...] = ()
    organ: str = Field(default="", description="organ of every picture")
    finding: str = Field(default="", description="finding of every picture")
    classification: str = Field(default="", description="class of the finding of every picture")
    modality: str = Field(default="", description="imaging modality of every picture")
    guessed: tuple[str, ...] = Field(default=(), description="keys whose likely answers were taken")
    broken: str = ""
    read: Annotated[Mapping[str, Any] | None, CheckedBy(Declaration)] = None

    @field_validator("read")
    @classmethod
    def _is_declaration(cls, read: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if read is not None:
            Declaration.model_validate({"format": "detected", **read})
        return read

    @model_validator(mode="after")
    def _is_read_somehow(self) -> "SourceInfo":
        if not self.reader and self.read is None:
            raise ValueError("reader: give the key of an installed reader, or a [read] table")
        if self.reader and not (self.labels and self.title and self.homepage and self.archives):
            raise ValueError("reader: a source with a reader needs labels, title, homepage and archives")
        return self

    @property
    def is_declared(self) -> bool:
        """Whether its files are read as declared, once what they leave open is recognised or answered."""
        return self.read is not None and not self.reader

    @property
    def stated_labels(self) -> tuple[str, ...]:
        """The labels that the source gives, apart from its annotations: of its reader, frames or masks of pairs."""
        if self.broken:
            return ()
        form = self.declaration.format if self.is_declared else ""
        own = {"pairs": (self.described.label,), "frames": self.described.classes} if form else {}
        return own.get(form, self.labels)

    @property
    def described(self) -> DescribedSource:
        """The source for readers that follow its declaration."""
        return DescribedSource(self.name, self.declaration, self.facts, tuple(file.name for file in self.downloads))

    @property
    def declaration(self) -> Declaration:
        """The declared format of the source's files."""
        return Declaration.model_validate(self.read or {"format": self.reader})

    @property
    def facts(self) -> dict[str, str]:
        """The columns that are constant for all pictures of a declared source."""
        named = {name: getattr(self, name) for name in ("organ", "finding", "classification", "modality")}
        return {name: value for name, value in named.items() if value}

    @property
    def guesses(self) -> tuple[str, ...]:
        """The assumed answers to unanswered questions, each as the line of a declaration."""
        held: Mapping[str, Any] = {"licence": self.licence, "read": self.read or {}}
        return tuple(f"{key} = {toml_value(_value_at(held, key))}" for key in self.guessed)

    @property
    def downloads(self) -> tuple[Archive | RemoteMember, ...]:
        """The files that a download produces."""
        return (*(archive for archive in self.archives if archive.required), *self.members)

    @property
    def licensed(self) -> Licensed:
        """The source's licence with its terms: its own, else those of the table of known licences."""
        terms = Terms(**self.terms.model_dump()) if self.terms else find_terms(self.licence)
        return Licensed(self.name, self.title or self.name, self.licence, terms)


def _value_at(table: Any, key: str) -> Any:
    """Return the value of a dotted key; None if it is missing."""
    for part in key.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    return table


def load_catalogue(extra_dirs: Iterable[Path] = ()) -> dict[str, SourceInfo]:
    """Return all sources by name, sorted: built-in ones, those of plug-ins and those of ``extra_dirs``.

    UsageError names the file and the key if the TOML is invalid or a key is missing or unknown, and both files if two
    declare the same source.
    """
    found: dict[str, tuple[SourceInfo, str]] = {}
    own = [(read_source(file.read_bytes(), str(file)), str(file)) for file in _toml_files(extra_dirs)]
    for info, file in (*own, *_plugin_sources()):
        if info.name in found:
            raise UsageError(f"{file}: source '{info.name}' is already declared in {found[info.name][1]}. Rename one.")
        found[info.name] = (info, file)
    return {name: found[name][0] for name in sorted(found)}


def _toml_files(extra_dirs: Iterable[Path]) -> Iterator[Traversable]:
    for folder in (files("medmultipoints.data_lake.sources"), *extra_dirs):
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder of source files.")
        yield from _toml_in(folder)


def _toml_in(folder: Traversable) -> list[Traversable]:
    return sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)


def _plugin_sources() -> Iterator[tuple[SourceInfo, str]]:
    """Yield the sources of installed plug-ins; a broken one, which other builds do not need, is logged and skipped."""
    for point in sorted(_entry_points(CATALOGUES, tuple(sys.path)), key=lambda point: point.name):
        try:
            yield from [(read_source(file.read_bytes(), str(file)), str(file)) for file in _toml_in(files(point.value))]
        except Exception as error:  # noqa: BLE001 (importing a package runs its code, which may raise anything)
            _log_once(f"plug-in '{point.name}' ({point.value}) is passed over: {error}. Install or remove its package.")


@cache
def _log_once(text: str) -> None:
    _LOG.warning(text)


def read_source(raw: bytes, where: str) -> SourceInfo:
    """Return the source that a TOML file declares; UsageError lists every problem with its key."""
    try:
        return SourceInfo.model_validate(parse_toml(raw, where))
    except ValidationError as error:
        raise UsageError(f"{where}: {problems(error, SourceInfo)}.") from error


def load_reader(key: str) -> Callable[..., Any]:
    """Return the reader installed under ``key``; UsageError names those that are installed."""
    point = _entry_point(key)
    try:
        reader: Callable[..., Any] = point.load()
    except Exception as error:
        raise UsageError(
            f"reader '{key}' ({point.value}) cannot be loaded: {error}. Install its package again."
        ) from error
    return reader


def read_digest(info: SourceInfo) -> str:
    """Return the sha256 of a source's reading code: that of its reader, or its declaration.

    The code that reads declarations is part of the key of the index stage itself.
    """
    declared = digest([dict(info.read or {}), info.facts, info.broken])
    if not info.reader:
        return declared
    return digest([reader_digest(info.reader), declared]) if info.read else reader_digest(info.reader)


def reader_digest(key: str) -> str:
    """Return the sha256 of a reader: a built-in one with every module it imports, a plug-in's whole package.

    The data files of a plug-in count, too, as do all modules of ``transforms``, which it may import, and the versions
    of all packages that either imports.
    """
    module = _entry_point(key).module
    spec = find_spec(module.partition(".")[0])
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        raise UsageError(f"reader '{key}': its module {module} is not installed.")
    ours = {
        path.relative_to(CODE_ROOT).with_suffix("")
        for path in CODE_ROOT.joinpath("medmultipoints/transforms").rglob("*.py")
    }
    if module.replace(".", "/") in {path.as_posix() for path in ours}:
        return digest({"code": code_digest([module]), "packages": package_versions([module])})
    folder = Path(next(iter(spec.submodule_search_locations or [str(spec.origin)]))).parent
    return digest(
        {
            "transforms": code_digest(path.as_posix() for path in ours),
            "package": _package_files(spec),
            "packages": package_versions([module], folder),
        }
    )


def _package_files(spec: ModuleSpec) -> dict[str, str]:
    """Return the sha256 of every file of an installed package, or of a single module, by path."""
    if not spec.submodule_search_locations:
        return {"": file_sha256(Path(str(spec.origin)))}
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    return {
        file.relative_to(folder).as_posix(): file_sha256(file)
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


@cache
def _entry_points(group: str, _path: tuple[str, ...]) -> EntryPoints:
    """Return the entry points of a group, cached: reading the metadata of all packages takes 7 ms each time."""
    return entry_points(group=group)


def _entry_point(key: str) -> EntryPoint:
    if key in OWN_READERS:
        return OWN_READERS[key]
    installed = OWN_READERS | {point.name: point for point in _entry_points(READERS, tuple(sys.path))}
    if key not in installed:
        raise UsageError(
            f"no reader '{key}': installed are {', '.join(sorted(installed)) or 'none'}. "
            f"Install the package that brings it (entry point group {READERS})."
        )
    return installed[key]
