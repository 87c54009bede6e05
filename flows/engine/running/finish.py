"""Finish a stage: join the shards' tables, validate them, keep the valid rows, check the accounting.

Tables are validated in parts, so memory use does not grow with the table.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import Receipt, StoredObject, write_receipt
from medmultipoints.data_lake.store.parquet_tables import (
    ROWS_PER_OBJECT,
    put_table,
    read_sorted,
    read_table,
    scan_table,
)
from medmultipoints.expectations.references import accounting_holds, keys_unique, repeated
from medmultipoints.expectations.rows.validate import check_table_rules, find_rejections, leave_out, validate
from medmultipoints.expectations.verdicts import Rejection, Verdict, join_verdicts
from medmultipoints.flows.engine.running.timings import Stopwatch
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.transforms.columns.ranges import key_parts
from medmultipoints.transforms.columns.record_columns import EXCLUSION_SCHEMA, exclusion_columns
from medmultipoints.transforms.columns.tables import Table, conform, load_table, schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.records import Exclusion

USED_SCHEMA = {"key": pl.String, "entity": pl.String}


def put_part(build: Build, stage: Stage, key: str, output: Output) -> Receipt:
    """Store the output of one shard, after checking that each of its inputs is accounted for."""
    excluded = {exclusion.key for exclusion in output.exclusions}
    used = _used_frame(output.used)
    check_accounting(stage.name, output.inputs, used["key"], [exclusion.key for exclusion in output.exclusions])
    tables = {name: pl.DataFrame(frame) for name, frame in output.tables.items()}
    exclusions = pl.DataFrame(exclusion_columns(output.exclusions), schema=EXCLUSION_SCHEMA)
    tables |= {"used": used, "exclusions": exclusions}
    objects = {name: (put_table(build.lake, frame),) for name, frame in tables.items()}
    receipt = Receipt(key, {**objects, **output.blobs}, {"in": len(output.inputs), "excluded": len(excluded)})
    write_receipt(build.lake, f"{stage.name}.parts", receipt, durable=False)
    return receipt


def _used_frame(used: Mapping[str, str | None] | pl.DataFrame) -> pl.DataFrame:
    if isinstance(used, pl.DataFrame):
        return used.select(pl.col(name).cast(kind) for name, kind in USED_SCHEMA.items())
    return pl.DataFrame({"key": list(used), "entity": list(used.values())}, schema=USED_SCHEMA)


def finish_stage(
    build: Build,
    stage: Stage,
    key: str,
    inputs: Inputs,
    parts: Sequence[Receipt],
    most: int = ROWS_PER_OBJECT,
    storing: Stopwatch | None = None,
) -> Receipt:
    """Write valid tables, quarantine failing rows, raise critical failures; return the stage's receipt.

    A table of more than ``most`` rows is validated and stored in several objects, one after the other. The caller
    checks the rejection rate, after the quarantine is written.
    """
    storing = storing or Stopwatch()
    judged, rejections = judge_tables(build, stage, inputs, parts, most, storing)
    used = scan_table(build.lake, objects_of(parts, "used"))
    exclusions = read_table(build.lake, objects_of(parts, "exclusions"))
    exclusions = pl.concat([exclusions, _quarantined(stage, used, rejections)])
    if exclusions.height:
        used = used.join(exclusions.lazy(), on="key", how="anti")
    with storing.measure():
        objects = {name: kept_rows(build, table, rejections) for name, table in judged.items()}
        objects["exclusions"] = (put_table(build.lake, _exclusion_table(stage, exclusions)),)
    counts = _counts(parts, used, exclusions)
    counts["rows"] = sum(entry.rows for entry in objects[stage.writes[0]]) if stage.writes else counts["used"]
    once = keys_unique(pl.concat([used.select("key"), exclusions.lazy().select("key")]), "key")
    tables = {name: scan_table(build.lake, entries) for name, entries in objects.items()}
    rules = {**_table_rules(stage, tables, inputs, counts), "inputs_counted_once": once}
    verdicts = [*(table.verdict for table in judged.values()), check_table_rules(rules, stage.name)]
    objects |= {name: objects_of(parts, name) for name in stage.blobs}
    receipt = Receipt(key, objects, counts, tuple(verdict.to_json() for verdict in verdicts))
    with storing.measure():
        write_receipt(build.lake, stage.name, receipt)
    return receipt


@dataclass(frozen=True, slots=True)
class Judged:
    """A table sorted by its key, in one object or several, and the verdict on all its rows."""

    table: Table
    objects: tuple[StoredObject, ...]
    verdict: Verdict


def judge_tables(
    build: Build, stage: Stage, inputs: Inputs, parts: Sequence[Receipt], most: int, storing: Stopwatch
) -> tuple[dict[str, Judged], dict[str, Rejection]]:
    """Validate the tables of a stage's shards; return them and the entities that fail."""
    entries = {name: objects_of(parts, name) for name in stage.writes}
    unwanted = stage.leaves_out(build.recipe, {name: scan_table(build.lake, found) for name, found in entries.items()})
    judged = {
        name: _judge(build, stage, inputs, found, load_table(name), most, unwanted.get(name), storing)
        for name, found in entries.items()
    }
    rejections: dict[str, Rejection] = {}
    for one in judged.values():
        rejections = {rejection.entity: rejection for rejection in find_rejections(one.verdict)} | rejections
    return judged, rejections


def objects_of(parts: Sequence[Receipt], table: str) -> tuple[StoredObject, ...]:
    """Return the objects of a table from all shards."""
    return tuple(entry for part in parts for entry in part.objects[table])


def _judge(
    build: Build,
    stage: Stage,
    inputs: Inputs,
    entries: Sequence[StoredObject],
    table: Table,
    most: int,
    unwanted: pl.Expr | None,
    storing: Stopwatch,
) -> Judged:
    options = stage.suite(build.recipe, inputs).get(table.name, {})
    copies = _copies(build.lake, entries, table) if sum(entry.rows for entry in entries) > most else {}
    objects, verdicts = [], []
    for rows in read_sorted(build.lake, entries, table, most):
        frame = rows if unwanted is None else rows.remove(unwanted)
        verdicts.append(validate(frame, table, copies=copies, **options))
        with storing.measure():
            objects.append(put_table(build.lake, frame))
    return Judged(table, tuple(objects), join_verdicts(verdicts))


def _copies(lake: Lake, entries: Sequence[StoredObject], table: Table) -> dict[str, pl.Series]:
    """Return, by unique column, the values that occur more than once over all parts of a table.

    The key column is left out, because rows with equal keys are in one part.
    """
    unique = [column.name for column in table.columns if column.check.unique and column.name != table.key]
    return {name: repeated(scan_table(lake, entries), name) for name in unique}


def kept_rows(build: Build, judged: Judged, rejections: Mapping[str, Rejection]) -> tuple[StoredObject, ...]:
    """Return the objects of a table without rejected entities; an entity that fails in one table leaves all."""
    if not rejections:
        return judged.objects
    frames = (read_table(build.lake, [entry]) for entry in judged.objects)
    return tuple(put_table(build.lake, leave_out(frame, judged.table, rejections.keys())) for frame in frames)


def check_accounting(
    stage: str, inputs: Iterable[str] | pl.Series, used: Iterable[str] | pl.Series, excluded: Iterable[str]
) -> None:
    """Raise DataError unless inputs = used + excluded, as sets: none is lost or counted twice.

    Columns are compared, part by part: sets of ten million keys in Python would take two gigabytes.
    """
    given, counted = (keys.to_frame() for keys in (_keys(inputs), pl.concat([_keys(used), _keys(excluded)])))
    for own in key_parts(given.height):
        part, other = (keys.filter(own).to_series() for keys in (given, counted))
        if not part.unique().sort().equals(other.sort()):
            raise _not_accounted(stage, set(other.filter(other.is_duplicated())) | set(part) ^ set(other))


def _not_accounted(stage: str, wrong: Collection[str]) -> DataError:
    inputs_are = "1 input is" if len(wrong) == 1 else f"{len(wrong)} inputs are"
    return DataError(
        f"{stage}: accounting error: {inputs_are} neither used nor excluded, or counted twice, for example "
        f"{min(wrong)}. This is an error in the program or in a source plug-in: please report it."
    )


def _keys(keys: Iterable[str] | pl.Series) -> pl.Series:
    return pl.Series("key", keys if isinstance(keys, pl.Series) else list(keys), pl.String)


def _quarantined(stage: Stage, used: pl.LazyFrame, rejections: Mapping[str, Rejection]) -> pl.DataFrame:
    if not rejections:
        return pl.DataFrame(schema=EXCLUSION_SCHEMA)
    held_back = used.filter(pl.col("entity").is_in(sorted(rejections))).collect(engine="streaming")
    lost = rejections.keys() - set(held_back["entity"])
    if lost:
        raise DataError(f"{stage.name}: {min(lost)} belongs to no input: {rejections[min(lost)].detail}. Report this.")
    of_samples = all(load_table(name).entity == "sample_id" for name in stage.writes)
    rows = [
        Exclusion(
            source=key.split("/")[0],
            key=key,
            verdict="rejected",
            reason=rejections[entity].reason,
            detail=stage.words(key, rejections[entity]) or rejections[entity].detail,
            sample_id=entity if of_samples else None,
        )
        for key, entity in held_back.iter_rows()
    ]
    return pl.DataFrame(exclusion_columns(rows), schema=EXCLUSION_SCHEMA)


def _counts(parts: Sequence[Receipt], used: pl.LazyFrame, exclusions: pl.DataFrame) -> dict[str, int]:
    verdicts = exclusions["verdict"]
    return {
        "in": sum(part.counts["in"] for part in parts),
        "used": used.select(pl.len()).collect(engine="streaming").item(),
        "dropped": int((verdicts == "dropped").sum()),
        "rejected": int((verdicts == "rejected").sum()),
    }


def _exclusion_table(stage: Stage, exclusions: pl.DataFrame) -> pl.DataFrame:
    named = exclusions.with_columns(
        pl.lit(stage.name).alias("stage"),
        pl.concat_str(pl.lit(stage.name), "source", "key", separator=":").alias("exclusion_id"),
    )
    return conform(named.select(schema_of("exclusions").keys()), load_table("exclusions"))


def _table_rules(stage: Stage, tables: Scans, inputs: Inputs, counts: Mapping[str, int]) -> Rules:
    unique = {
        f"{name}_keys_unique": keys_unique(tables[name], load_table(name).key) for name in (*stage.writes, "exclusions")
    }
    sums = accounting_holds(counts["in"], counts["used"], counts["dropped"], counts["rejected"])
    return unique | {"accounting": sums} | dict(stage.rules(tables, inputs))
