"""Tables held against their suites, part by part: what is in memory at once does not grow with the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import Receipt, StoredObject
from medmultipoints.data_lake.store.tables import put_table, read_sorted, read_table, scan_table
from medmultipoints.expectations.references import repeated
from medmultipoints.expectations.validate import find_rejections, leave_out, validate
from medmultipoints.expectations.verdicts import Rejection, Verdict, join_verdicts
from medmultipoints.flows.engine.stage import Build, Stage
from medmultipoints.transforms.columns.tables import Table, load_table


@dataclass(frozen=True, slots=True)
class Judged:
    """A table sorted by its key, in one object or in several, and the verdict on all its rows."""

    table: Table
    objects: tuple[StoredObject, ...]
    verdict: Verdict


def judge_tables(
    build: Build, stage: Stage, parts: Sequence[Receipt], most: int
) -> tuple[dict[str, Judged], dict[str, Rejection]]:
    """The tables that the shards of a stage yielded, and the entities that fail in one of them."""
    judged = {name: _judge(build, stage, objects_of(parts, name), load_table(name), most) for name in stage.writes}
    rejections: dict[str, Rejection] = {}
    for one in judged.values():
        rejections = {rejection.entity: rejection for rejection in find_rejections(one.verdict)} | rejections
    return judged, rejections


def objects_of(parts: Sequence[Receipt], table: str) -> tuple[StoredObject, ...]:
    """The objects of a table that all shards yielded."""
    return tuple(entry for part in parts for entry in part.objects[table])


def _judge(build: Build, stage: Stage, entries: Sequence[StoredObject], table: Table, most: int) -> Judged:
    options = stage.suite(build.recipe).get(table.name, {})
    copies = _copies(build.lake, entries, table) if sum(entry.rows for entry in entries) > most else {}
    objects, verdicts = [], []
    for frame in read_sorted(build.lake, entries, table, most):
        verdicts.append(validate(frame, table, copies=copies, **options))
        objects.append(put_table(build.lake, frame))
    return Judged(table, tuple(objects), join_verdicts(verdicts))


def _copies(lake: Lake, entries: Sequence[StoredObject], table: Table) -> dict[str, pl.Series]:
    """What parts of a table cannot know: the values that several of them hold. Rows of one key are in one part."""
    unique = [column.name for column in table.columns if column.check.unique and column.name != table.key]
    return {name: repeated(scan_table(lake, entries), name) for name in unique}


def kept_rows(build: Build, judged: Judged, rejections: Mapping[str, Rejection]) -> tuple[StoredObject, ...]:
    """The objects of a table without the rejected: an entity that fails in one table leaves all of them."""
    if not rejections:
        return judged.objects
    frames = (read_table(build.lake, [entry]) for entry in judged.objects)
    return tuple(put_table(build.lake, leave_out(frame, judged.table, rejections.keys())) for frame in frames)
