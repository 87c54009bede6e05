"""The difference of two releases in the words of the field, and the version that it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from transforms.instructions.jsonl import COLUMNS, SCHEMA

Level = Literal["major", "minor", "patch", "same"]
KEYS = {"records": "record_id", "objects": "object_id", "images": "image_sha256", "instructions": "instruction_id"}
INSTRUCTION_COLUMNS = (*COLUMNS, "split")  # what the released files hold; the split is in their names
INSTRUCTION_SCHEMA = SCHEMA | {"split": pl.String()}
# A change of any other column of a row is metadata.
MEASURED = {
    "records": frozenset({"img_size", "original_size", "scale", "count", "bbox", "points", "point_kind"})
    | {"centroids", "interior_points", "object_ids", "track_ids"},
    "objects": frozenset({"index", "evidence", "x1", "y1", "x2", "y2", "cx", "cy", "ix", "iy", "point_kind"})
    | {"area_px", "rle", "track_id", "truncated"},
    "images": frozenset({"stored_sha256", "pixel_sha256", "width", "height", "scale"}),
    "instructions": frozenset({"image_file", "image_files", "task", "prompt", "answer", "object_ids"}),
}
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Tables:
    """The four tables of a release, without pictures."""

    records: pl.DataFrame
    objects: pl.DataFrame
    images: pl.DataFrame
    instructions: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of difference: what it is, what it asks for, how many rows it concerns, the first few of them."""

    what: str
    level: Level
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """All differences between two releases, the gravest first."""

    changes: tuple[Change, ...] = ()

    @property
    def level(self) -> Level:
        return min((change.level for change in self.changes), key=_RANK.__getitem__, default="same")


_RANK: dict[Level, int] = {"major": 0, "minor": 1, "patch": 2, "same": 3}


def diff_releases(old: Tables, new: Tables, *, files_differ: bool = False) -> ReleaseDiff:
    """What changed from the old tables to the new ones.

    ``files_differ``: the two releases have different manifest roots; where no row differs, that is a patch.
    Major: a column or label added, removed or retyped, an image or one of its labels removed, an image moved
    between splits. Minor: rows added, boxes, points, counts, pictures or answers changed, objects or instructions
    gone. Patch: other values.
    """
    old, new = _released(old), _released(new)
    changes = [*_schema(old, new), *_labels(old.records, new.records), *_splits(old.images, new.images)]
    for table in KEYS:
        changes += _rows(table, getattr(old, table), getattr(new, table))
    found = [change for change in changes if change.count]
    if files_differ and not found:
        found.append(Change("card, manifest or quarantine tables changed, no row did", "patch", 1))
    return ReleaseDiff(tuple(sorted(found, key=lambda change: _RANK[change.level])))


def _released(tables: Tables) -> Tables:
    return replace(tables, instructions=tables.instructions.select(INSTRUCTION_COLUMNS))


def propose_version(old_version: str, diff: ReleaseDiff) -> str:
    """The version after the old one that the difference asks for; the old one where nothing differs."""
    major, minor, patch = (int(part) for part in old_version.split("."))
    following = {
        "major": (major + 1, 0, 0),
        "minor": (major, minor + 1, 0),
        "patch": (major, minor, patch + 1),
        "same": (major, minor, patch),
    }
    return ".".join(str(part) for part in following[diff.level])


def describe(diff: ReleaseDiff) -> str:
    """The difference as lines for people, the gravest first."""
    if not diff.changes:
        return "no difference"
    return "\n".join(f"{change.level}: {_sentence(change)}" for change in diff.changes)


def _sentence(change: Change) -> str:
    if not change.examples:
        return change.what
    more = ", ..." if change.count > len(change.examples) else ""
    return f"{change.count:,} {change.what}: {', '.join(change.examples)}{more}"


def _change(what: str, level: Level, ids: Iterable[object]) -> Change:
    ordered = sorted(str(one) for one in ids)
    return Change(what, level, len(ordered), tuple(ordered[:EXAMPLES]))


def _schema(old: Tables, new: Tables) -> list[Change]:
    before, after = _typed_columns(old), _typed_columns(new)
    retyped = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    return [
        _change("columns removed", "major", before.keys() - after.keys()),
        _change("columns added", "major", after.keys() - before.keys()),
        _change("columns with another type", "major", retyped),
    ]


def _typed_columns(tables: Tables) -> dict[str, pl.DataType]:
    return {
        f"{table}.{name}": kind
        for table in KEYS
        for name, kind in getattr(tables, table).schema.items()
        if name != "image"
    }


def _labels(old: pl.DataFrame, new: pl.DataFrame) -> list[Change]:
    before, after = set(old["label"].to_list()), set(new["label"].to_list())
    return [
        _change("labels removed", "major", before - after),
        _change("labels added", "major", after - before),
    ]


def _splits(old: pl.DataFrame, new: pl.DataFrame) -> list[Change]:
    both = old.select("image_sha256", "split").join(new.select("image_sha256", "split"), on="image_sha256")
    moved = both.filter(pl.col("split") != pl.col("split_right"))
    return [_change("images moved between splits", "major", moved["image_sha256"])]


def _rows(table: str, old: pl.DataFrame, new: pl.DataFrame) -> list[Change]:
    key = KEYS[table]
    gone, come = old.join(new, on=key, how="anti"), new.join(old, on=key, how="anti")
    return [
        _change(f"{table} removed", "major" if table in ("images", "records") else "minor", gone[key]),
        _change(f"{table} added", "minor", come[key]),
        *_values(table, key, old, new),
    ]


def _values(table: str, key: str, old: pl.DataFrame, new: pl.DataFrame) -> list[Change]:
    """Rows on both sides whose values differ: measured values first, then the rest, each row counted once."""
    shared = [name for name in old.columns if name in new.columns and name not in (key, "split", "image")]
    alike = [name for name in shared if old.schema[name] == new.schema[name]]
    both = old.join(new, on=key, how="inner", suffix="|new", maintain_order="left")
    differs = {name: ~pl.col(name).eq_missing(pl.col(f"{name}|new")) for name in alike}
    measured = pl.any_horizontal(pl.lit(False), *(differs[name] for name in alike if name in MEASURED[table]))
    other = pl.any_horizontal(pl.lit(False), *(differs[name] for name in alike if name not in MEASURED[table]))
    what = {"images": "pictures changed", "instructions": "instructions corrected"}.get(
        table, f"{table} with corrected boxes, points or counts"
    )
    return [
        _change(what, "minor", both.filter(measured)[key]),
        _change(f"{table} with other metadata", "patch", both.filter(other & ~measured)[key]),
    ]
