"""What the card of a release is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.manifest import StageCount
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.sources.builtin import BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """What a curator writes for the card, given by the recipe.

    Texts are Markdown and are put on the card as they are; empty ones are left out.
    """

    about: str = ""
    uses: str = ""
    limits: str = ""
    changes: str = ""
    citation: str = ""
    homepage: str | None = None
    authors: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything the card is made from; ``files`` are all files of the release but the card itself.

    ``known`` says by source name whether the sha256 of every file
    is an accepted one; ``recipe`` is the complete recipe as plain values; ``earlier`` names the release before and
    gives the difference in words, where the recipe says which that is. ``copies`` says what is lost of sources whose
    pictures are copies of another's. ``classes`` are the labels as ``label_id``
    numbers them. ``made`` are the tables that models made, by name, ``witness`` and ``described`` what is said of them.
    No time, host or path is among the facts.
    """

    name: str
    version: str
    title: str
    description: str
    release_date: str | None
    policy: Literal["published", "audited"]
    recipe: Mapping[str, Any]
    sources: Sequence[SourceInfo]
    known: Mapping[str, bool]
    accounting: Sequence[StageCount]
    tables: Tables
    classes: Sequence[str]
    disagreements: pl.DataFrame
    conventions: pl.DataFrame
    corrections: pl.DataFrame
    review: Sequence[str]
    duplicates: pl.DataFrame
    files: Sequence[FileEntry]
    logical_digest: str
    code_digest: str
    recipe_digest: str
    earlier: tuple[str, str] | None = None
    curated: Curated = field(default_factory=Curated)
    made: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    copies: Sequence[str] = ()
    witness: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None

    @property
    def from_published_sources(self) -> bool:
        """Whether every source is one of the published MedMultiPoints."""
        return BUILT_IN.issuperset(source.name for source in self.sources)

    @property
    def licensed_pictures(self) -> pl.DataFrame:
        """Source and licence of every picture of the release, those of proposals among them."""
        columns = ("source", "licence")
        tables = [self.tables.images, *(self.made[name] for name in ("proposals",) if name in self.made)]
        return pl.concat([table.select(columns) for table in tables])
