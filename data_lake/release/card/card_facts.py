"""Collect the input of a release's card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.manifest import StageCount, count_excluded
from medmultipoints.transforms.compose.stats import UNCERTAIN, note_tasks
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.sources.builtin import BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """A curator's text for the card, from the recipe.

    Texts are Markdown and copied to the card unchanged; empty ones are left out.
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
    """All input of the card; ``files`` are all files of the release except the card itself.

    ``known`` says by source name whether the sha256 of every file is an accepted one; ``recipe`` is the complete recipe
    as plain values; ``earlier`` names the previous release and describes the difference, if the recipe names one.
    ``losses``: objects of pictures left out as copies, and of labels left out. ``classes`` are the labels in the
    order of ``label_id``. ``made`` are the tables that models made, by name; ``witness`` and ``described`` are the
    facts about them. No time, host or path is included.
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
    losses: Sequence[str] = ()
    witness: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None

    @property
    def from_published_sources(self) -> bool:
        """Whether every source belongs to the published MedMultiPoints."""
        return BUILT_IN.issuperset(source.name for source in self.sources)

    @property
    def licensed_pictures(self) -> pl.DataFrame:
        """Source and licence of every picture of the release, including those of proposals."""
        columns = ("source", "licence")
        tables = [self.tables.images, *(self.made[name] for name in ("proposals",) if name in self.made)]
        return pl.concat([table.select(columns) for table in tables])


def note_instructions(
    instructions: pl.DataFrame, recipe: Mapping[str, Any], accounting: Sequence[StageCount]
) -> list[str]:
    """Return notes about the tasks of a release, and about records without questions."""
    asked, uncertain = recipe.get("instructions", {}), count_excluded(accounting, UNCERTAIN)
    degenerate = asked.get("degenerate", "keep")
    return note_tasks(instructions, asked.get("tasks", ()), degenerate=degenerate, uncertain=uncertain)
