"""Define a stage as a value: its inputs, outputs and function, and what its key depends on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import polars as pl

from medmultipoints.data_lake.archives.fingerprint import FileDigest, SourceFingerprint
from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import StoredObject
from medmultipoints.data_lake.store.parquet_tables import read_table, scan_table
from medmultipoints.expectations.verdicts import Rejection
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources.hidden_names import find_hidden, hash_name, hides_names

if TYPE_CHECKING:  # a request's wording does not affect a result
    from medmultipoints.flows.engine.request import BuildRequest

WHOLE = "all"
T = TypeVar("T")
EVERY_EARLIER = ("*",)
"""For a stage that reads every stage before it."""
Tables = Mapping[str, pl.DataFrame]
Scans = Mapping[str, pl.LazyFrame]
"""Stored tables; only the rows and columns that a query needs are read."""
Rules = Mapping[str, tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class Source:
    """A selected source: its catalogue entry, the path of its files, and its fingerprint."""

    info: SourceInfo
    fingerprint: SourceFingerprint

    @property
    def name(self) -> str:
        return self.info.name


@dataclass(frozen=True, slots=True)
class EarlierRelease:
    """The rows of the release that the recipe names as ``splits.previous``, in the lake; ``name`` has its version."""

    name: str
    records: StoredObject
    objects: StoredObject
    images: StoredObject
    instructions: StoredObject
    dialects: StoredObject


@dataclass(frozen=True, slots=True)
class Build:
    """All input of one build; it is sent to workers in other processes.

    ``previous`` is the table of images of the release that the recipe names as ``splits.previous``, ``earlier`` holds
    all its rows; ``pinned`` are the files that recipe sections pin by sha256, by section; ``request`` is the request
    with absolute paths, for the run record.
    """

    lake: Lake
    recipe: Recipe
    sources: tuple[Source, ...]
    request: "BuildRequest"
    previous: StoredObject | None = None
    earlier: EarlierRelease | None = None
    pinned: Mapping[str, StoredObject] = field(default_factory=dict)

    def files(self, source: str) -> SourceFiles:
        """Open the files of one source, under the paths that a release holds."""
        files = self.given_files(source)
        hide = self.hidden(source)
        return files.renamed(hide) if hide else files

    def given_files(self, source: str) -> SourceFiles:
        """Open the files of one source under their own paths."""
        chosen = next(candidate for candidate in self.sources if candidate.name == source)
        return open_source(source, chosen.fingerprint.path, self.lake.scratch)

    def input_files(self, source: Source) -> dict[str, FileDigest]:
        """Return the files that were given of one source, by the path that a release holds."""
        hide = self.hidden(source.name)
        return {hide(file.name) if hide else file.name: file for file in source.fingerprint.files}

    def hidden(self, source: str) -> Callable[[str], str] | None:
        """Return what hides the names of persons in the texts of a source; None if its declaration hides none.

        Of a source that is left out nothing tells where its paths have names, so that whole paths are hashed.
        """
        info = next(candidate.info for candidate in self.sources if candidate.name == source)
        if not (info.is_declared and hides_names(info.read)):
            return None
        return hash_name if info.broken else find_hidden(source, info.declaration, self.given_files(source).names())


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Inputs:
    """The tables of earlier stages, read on demand, and the accounting and verdicts of each stage.

    Two are equal only if they are one object: see ``read_once``.
    ``recipe`` is for rules: a stage's work depends on the part of it that its ``parameters`` return.
    """

    lake: Lake
    recipe: Recipe
    objects: Mapping[str, tuple[StoredObject, ...]]
    counts: Mapping[str, Mapping[str, int]]
    verdicts: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def read(self, table: str, *columns: str) -> pl.DataFrame:
        """Return all rows of a table, sorted by its key; only the named columns, if any are named."""
        return read_table(self.lake, self.objects[table], columns)

    def scan(self, table: str) -> pl.LazyFrame:
        """Return the same rows in the same order, lazily: only what a query needs is read."""
        return scan_table(self.lake, self.objects[table])

    def parts(self, table: str) -> Iterator[pl.LazyFrame]:
        """Yield the same rows, half a million at a time."""
        return (scan_table(self.lake, [entry]) for entry in self.objects[table])


def read_once(read: Callable[[Inputs], T]) -> Callable[[Inputs], T]:
    """Return a function that keeps its result for the shards that follow in this process, as long as their inputs live.

    For what each shard needs of all images, such as the division of the work: read again and again, it would take
    longer than the work from about a hundred thousand images on.
    """
    kept: WeakKeyDictionary[Inputs, T] = WeakKeyDictionary()

    @wraps(read)
    def kept_or_read(inputs: Inputs) -> T:
        if inputs not in kept:
            kept[inputs] = read(inputs)
        return kept[inputs]

    return kept_or_read


@dataclass(frozen=True, slots=True)
class Output:
    """The output of one shard of a stage.

    ``inputs`` are the keys of its inputs; ``used`` maps each key that yielded a row to the entity it yielded (None for
    inputs that serve many, such as an annotation file), or is a frame of both, ``key`` and ``entity``: a stage that
    takes all images at once names ten million of them in a fifth of the memory. ``blobs`` are finished files.
    """

    inputs: Sequence[str] | pl.Series
    used: Mapping[str, str | None] | pl.DataFrame
    tables: Tables = field(default_factory=dict)
    exclusions: Sequence[Exclusion] = ()
    blobs: Mapping[str, tuple[StoredObject, ...]] = field(default_factory=dict)


def one_shard(_build: Build, _inputs: Inputs) -> tuple[str, ...]:
    """Return one shard, for undivided work."""
    return (WHOLE,)


def shards_of(total: int, most: int) -> tuple[str, ...]:
    """Return the fewest shards of at most ``most`` items, named ``1 of 3`` and so on; a single one has no number."""
    count = -(-total // most)
    return tuple(f"{number} of {count}" for number in range(1, count + 1)) if count > 1 else (WHOLE,)


def source_shard(most: int, *over: str) -> pl.Expr:
    """Return shards of at most ``most`` rows per source (and per ``over``), named ``source-0000`` and so on."""
    number = pl.int_range(pl.len()).over("source", *over) // most
    return pl.format("{}-{}", "source", number.cast(pl.String).str.zfill(4))


def place_of_shard(shard: str) -> tuple[int, int]:
    """Return number and count of a numbered shard of ``shards_of``."""
    number, count = map(int, shard.split(" of "))
    return number, count


def no_rules(_tables: Scans, _inputs: Inputs) -> Rules:
    """Return no rules, for tables without rules over all rows."""
    return {}


def no_options(_recipe: Recipe, _inputs: Inputs) -> Mapping[str, Mapping[str, Any]]:
    """Return no options, for tables with the same suite in every recipe."""
    return {}


def leave_nothing_out(_recipe: Recipe, _tables: Scans) -> Mapping[str, pl.Expr]:
    """Return no condition, for tables that keep every row."""
    return {}


def no_words(_key: str, _rejection: Rejection) -> str:
    """Return nothing: the detail of a broken rule names the row, the rule and the values."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the pipeline; see ``flows.stages.pipeline`` for the list.

    ``work`` turns one shard into tables; ``parameters`` is the part of the recipe that the result depends on; ``data``
    digests the data files it uses; ``rules`` are computed over whole tables; ``suite`` returns, by table, the variant
    and the parameters of its expectations from the recipe; ``leaves_out`` returns, by table, a condition for rows to
    remove that only the whole table can decide; ``words`` returns, by input key and what its rows break, the detail for
    people where that of the rule is not enough.
    """

    name: str
    work: Callable[[Build, Inputs, str], Output]
    shards: Callable[[Build, Inputs], tuple[str, ...]] = one_shard
    reads: tuple[str, ...] = ()
    reads_sources: bool = False
    writes: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    parameters: Callable[[Recipe], object]
    data: Callable[[], object] = dict
    rules: Callable[[Scans, Inputs], Rules] = no_rules
    suite: Callable[[Recipe, Inputs], Mapping[str, Mapping[str, Any]]] = no_options
    leaves_out: Callable[[Recipe, Scans], Mapping[str, pl.Expr]] = leave_nothing_out
    words: Callable[[str, Rejection], str] = no_words


def pipeline(*stages: Stage) -> tuple[Stage, ...]:
    """Return the stages in order, with their inputs resolved; ValueError if a stage reads a later one."""
    resolved: list[Stage] = []
    for stage in stages:
        earlier = [one.name for one in resolved]
        reads = tuple(earlier) if stage.reads == EVERY_EARLIER else stage.reads
        if stage.name in earlier or not set(reads) <= set(earlier):
            raise ValueError(f"stage {stage.name} reads {reads}; before it there are {earlier}")
        resolved.append(replace(stage, reads=reads))
    return tuple(resolved)
