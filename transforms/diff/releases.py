"""Compare two releases and propose the next version."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from medmultipoints.transforms.columns.tables import empty_frame, load_table, schema_of
from medmultipoints.transforms.diff.changes import DECISIONS, RANK, Change, Level, cut, named
from medmultipoints.transforms.diff.object_changes import object_changes
from medmultipoints.transforms.diff.row_changes import (
    dialect_changes,
    image_changes,
    instruction_changes,
    record_changes,
)
from medmultipoints.transforms.instructions.jsonl import COLUMNS

KEYS = {"records": "record_id", "objects": "object_id", "images": "image_sha256", "instructions": "instruction_id"} | {
    "dialects": "line_id"
}
INSTRUCTION_COLUMNS = (*COLUMNS, "split")  # released files have no column split: it is in their names
INSTRUCTION_SCHEMA = {name: schema_of("instructions")[name] for name in INSTRUCTION_COLUMNS}
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Tables:
    """The four tables of a release without pictures, and its instructions in dialects, if any."""

    records: pl.DataFrame
    objects: pl.DataFrame
    images: pl.DataFrame
    instructions: pl.DataFrame
    dialects: pl.DataFrame = field(default_factory=lambda: empty_frame(load_table("dialect_lines")))


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """All changes between two releases, the most severe first."""

    changes: tuple[Change, ...] = ()

    @property
    def level(self) -> Level:
        return min((change.level for change in self.changes), key=RANK.__getitem__, default="same")


def diff_releases(
    old: Tables, new: Tables, *, files_differ: bool = False, shown: int = EXAMPLES, made_of: Sequence[Change] = ()
) -> ReleaseDiff:
    """Return the changes from the old tables to the new ones, with the first ``shown`` of each kind as examples.

    Images are matched by the bytes of their source files, objects by their position in the image: a renamed file or
    another order is not a loss. ``files_differ``: the releases have different manifest roots, which is a patch if no
    row differs. ``made_of``: changes of the inputs.
    Major: a column, label or source removed, a column or label added or retyped, an image or one of its labels
    removed, an image moved between splits. Minor: rows added, boxes, points, counts, pictures or answers changed,
    objects or instructions removed. Patch: other values.
    """
    old, new = _released(old), _released(new)
    images = (old.images, new.images)
    objects, touched = object_changes(old.objects, new.objects, images, shown)
    changes = [
        *_schema(old, new, shown),
        *_names(old, new, shown),
        *image_changes(*images, shown),
        *record_changes(old.records, new.records, touched, images, shown),
        *objects,
        *instruction_changes(old.instructions, new.instructions, shown),
        *dialect_changes((old.dialects, new.dialects), (old.instructions, new.instructions), shown),
    ]
    found = [change for change in changes if change.count]
    if files_differ and not found:
        found.append(Change("files_changed", 1))
    named = [_with_names(change, images) for change in [*found, *made_of]]
    return ReleaseDiff(tuple(sorted(named, key=lambda change: RANK[change.level])))


def _with_names(change: Change, images: tuple[pl.DataFrame, pl.DataFrame]) -> Change:
    """Return the change with the picture names of its examples; the newer name if a picture was renamed."""
    wanted = [example.image_sha256 or example.id.partition(":")[0] for example in change.examples]
    names: dict[str, str] = {}
    for frame in images:
        if "sample_id" in frame.columns:
            rows = frame.filter(pl.col("image_sha256").is_in(wanted)).sort("sample_id")
            names |= dict(rows.select("image_sha256", "sample_id").iter_rows())
    examples = [replace(one, image=names.get(sha256)) for one, sha256 in zip(change.examples, wanted, strict=True)]
    return replace(change, examples=tuple(examples))


def _released(tables: Tables) -> Tables:
    return replace(tables, instructions=tables.instructions.select(INSTRUCTION_COLUMNS))


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which versions are ordered."""
    return tuple(map(int, version.split(".")))


def next_version(old_version: str, level: Level) -> str:
    """Return the next version after changes of this level."""
    major, minor, patch = version_numbers(old_version)
    following = {
        "major": (major + 1, 0, 0),
        "minor": (major, minor + 1, 0),
        "patch": (major, minor, patch + 1),
        "same": (major, minor, patch),
    }
    return ".".join(str(part) for part in following[level])


def describe(diff: ReleaseDiff) -> str:
    """Return the changes as lines for people: the most severe first, then each decision on its own line."""
    if not diff.changes:
        return "no difference"
    decided = [change for change in diff.changes if change.kind in DECISIONS]
    lines = [f"{change.level}: {change.sentence}" for change in diff.changes if change.kind not in DECISIONS]
    for change in decided:
        lines += [f"{change.level}: {change.counted}", *(f"  {cut(change.short(one))}" for one in change.examples)]
        lines += [f"  {change.count - len(change.examples):,} more"] if change.count > len(change.examples) else []
    return "\n".join(lines)


def _schema(old: Tables, new: Tables, shown: int) -> list[Change]:
    before, after = _typed_columns(old), _typed_columns(new)
    retyped = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    return [
        named("columns_lost", before.keys() - after.keys(), shown),
        named("columns_gained", after.keys() - before.keys(), shown),
        named("columns_retyped", retyped, shown),
    ]


def _typed_columns(tables: Tables) -> dict[str, pl.DataType]:
    return {
        f"{table}.{name}": kind
        for table in KEYS
        for name, kind in getattr(tables, table).schema.items()
        if name != "image"
    }


def _names(old: Tables, new: Tables, shown: int) -> list[Change]:
    found = []
    for word, before, after in (
        ("labels", old.records["label"], new.records["label"]),
        ("sources", old.images["source"], new.images["source"]),
    ):
        found += [
            named(f"{word}_lost", set(before) - set(after), shown),
            named(f"{word}_gained", set(after) - set(before), shown),
        ]
    return found
