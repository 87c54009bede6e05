"""The kinds of changes between two releases, each with level, count and examples."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import polars as pl

Level = Literal["major", "minor", "patch", "same"]
RANK: Final[dict[Level, int]] = {"major": 0, "minor": 1, "patch": 2, "same": 3}
WORDS: Final[dict[str, tuple[str, Level]]] = {
    "columns_lost": ("columns removed", "major"),
    "columns_gained": ("columns added", "major"),
    "columns_retyped": ("columns with another type", "major"),
    "labels_lost": ("labels removed", "major"),
    "labels_gained": ("labels added", "major"),
    "sources_lost": ("sources lost", "major"),
    "images_lost": ("images lost", "major"),
    "images_moved": ("images moved between splits", "major"),
    "records_lost": ("records lost", "major"),
    "dialects_lost": ("dialects of instructions removed", "major"),
    "tables_lost": ("tables of models removed", "major"),
    "tables_gained": ("tables of models added", "minor"),
    "sources_gained": ("sources gained", "minor"),
    "images_gained": ("images gained", "minor"),
    "images_resized": ("images with another size", "minor"),
    "pictures_changed": ("pictures changed", "minor"),
    "records_gained": ("records gained", "minor"),
    "counts_changed": ("counts changed", "minor"),
    "objects_lost": ("objects lost", "minor"),
    "objects_gained": ("objects gained", "minor"),
    "objects_relabelled": ("objects with another label", "minor"),
    "boxes_changed": ("boxes changed", "minor"),
    "points_changed": ("objects with other points, masks or tracks", "minor"),
    "objects_reordered": ("objects at another place in their record", "minor"),
    "records_corrected": ("records with corrected boxes, points or counts", "minor"),
    "instructions_lost": ("instructions lost", "minor"),
    "instructions_gained": ("instructions gained", "minor"),
    "prompts_changed": ("prompts changed", "minor"),
    "answers_changed": ("answers changed", "minor"),
    "instructions_redirected": ("instructions with another picture or task", "minor"),
    "dialects_gained": ("dialects of instructions added", "minor"),
    "entries_changed": ("entries of dialects changed, their instructions did not", "minor"),
    "images_renamed": ("images renamed", "patch"),
    "images_described": ("images with other metadata", "patch"),
    "records_described": ("records with other metadata", "patch"),
    "objects_described": ("objects with other metadata", "patch"),
    "instructions_described": ("instructions with other metadata", "patch"),
    "tables_changed": ("tables of models changed", "patch"),
    "source_files_changed": ("source files changed", "patch"),
    "decisions_added": ("decisions of reviewers added", "patch"),
    "decisions_removed": ("decisions of reviewers removed", "patch"),
    "recipe_changed": ("values of the recipe changed", "patch"),
    "files_changed": ("card, manifest or quarantine tables changed, no row did", "patch"),
}
"""Every kind of change: its name in messages, and the part of the version to raise."""

NOUNS: Final = re.compile(
    r"\b(column|label|source|image|record|dialect|object|count|instruction|prompt|answer|picture|value|file|decision|table)s\b"
)
DECISIONS: Final = ("decisions_added", "decisions_removed")
ANSWERS: Final = ("prompts_changed", "answers_changed", "entries_changed")
"""Kinds whose examples hold whole texts; long ones are left out of one-line messages."""
SHA256: Final = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
SHORT_HASH: Final = r"\1"
SHORT: Final = 40
LINE: Final = 150
"""Longest line of a difference, in characters."""
TEXT: Final = 80
NAMED: Final = 5
Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Example:
    """One changed item; ``said`` describes the change, ``image`` is the name of its picture.

    Boxes are in pixels of the source's image.
    """

    id: str
    said: str = ""
    image_sha256: str | None = None
    label: str | None = None
    before: Corners | None = None
    after: Corners | None = None
    image: str | None = None

    @property
    def text(self) -> str:
        return f"{self.id} ({self.said})" if self.said else self.id


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change, with the number of rows and the first few as examples.

    ``how_far`` is the median and the largest distance by which box sides moved, in pixels of the source's image.
    """

    kind: str
    count: int
    examples: tuple[Example, ...] = field(default=())
    how_far: tuple[float, float] | None = None

    @property
    def what(self) -> str:
        return WORDS[self.kind][0]

    @property
    def level(self) -> Level:
        return WORDS[self.kind][1]

    @property
    def counted(self) -> str:
        """Return the count with its noun: 1 image lost, 2 images lost."""
        one = NOUNS.sub(r"\1", self.what, count=1).replace("boxes", "box", 1).replace("entries", "entry", 1)
        return f"{self.count:,} {one if self.count == 1 else self.what}"

    @property
    def sentence(self) -> str:
        """The change in one line of at most LINE characters; hashes are shortened, multi-line texts left out."""
        if not self.examples:
            return self.what
        far = self._far
        line = f"{self.counted}{far}"
        shown = 0
        for text in [self.short(one) for one in self.examples[:NAMED]]:
            following = f"{line}{'; ' if shown else ': '}{text}"
            if len(following) > LINE and shown:
                break
            line, shown = cut(following), shown + 1
        return line + ("; ..." if self.count > shown else "")

    @property
    def _far(self) -> str:
        if self.how_far is None:
            return ""
        median, most = self.how_far
        return f", sides by {median:,.1f} px" + (f" (median), {most:,.1f} px (most)" if self.count > 1 else "")

    def short(self, example: Example) -> str:
        """Return an example shortened for one line: the name of its picture, the item, and the change."""
        said = "" if self.kind in ANSWERS and len(example.said) > SHORT else example.said
        if self.kind in DECISIONS:
            return f"{example.image or SHA256.sub(SHORT_HASH, example.id)}: {said}"
        if self.kind == "images_renamed":
            return said
        name, _, part = example.id.partition(":")
        if SHA256.fullmatch(name) and (example.image or said):
            image = example.image or said
            said = "" if said == image else said
            text = f"{image}: {part.replace(':', ' ')}" if part else image
        else:
            text = example.id
        return SHA256.sub(SHORT_HASH, f"{text} ({said})" if said else text)


def cut(line: str) -> str:
    """Return the line, truncated if too long."""
    return line if len(line) <= LINE else f"{line[: LINE - 3]}..."


def change(kind: str, rows: pl.DataFrame, shown: int, **given: Any) -> Change:
    """Return the change of these rows, sorted by id; rows hold ``id`` and other fields of ``Example``."""
    return ranked(kind, rows.sort("id"), shown, **given)


def ranked(kind: str, rows: pl.DataFrame, shown: int, **given: Any) -> Change:
    """Return the change of these rows in their given order."""
    fields = [name for name in ("id", "said", "image_sha256", "label", "before", "after") if name in rows.columns]
    return Change(
        kind, rows.height, tuple(_example(row) for row in rows.select(fields).head(shown).to_dicts()), **given
    )


def named(kind: str, names: Iterable[object], shown: int) -> Change:
    """Return the change of named items."""
    ordered = sorted(map(str, names))
    return Change(kind, len(ordered), tuple(Example(name) for name in ordered[:shown]))


def _example(row: dict[str, Any]) -> Example:
    boxes = {name: tuple(row[name]) for name in ("before", "after") if row.get(name) is not None}
    return Example(**{**row, **boxes})


def turned(before: str, after: str) -> pl.Expr:
    """Return ``old to new`` of two columns on one line; long texts are truncated."""
    lines = [pl.col(name).cast(pl.String).fill_null("none").str.replace_all(r"\s+", " ") for name in (before, after)]
    short = [
        pl.when(text.str.len_chars() > TEXT).then(text.str.slice(0, TEXT) + "...").otherwise(text) for text in lines
    ]
    return pl.format("{} to {}", *short)
