"""The end of every stage: join the shards, hold the tables against their suites, prove the accounting.

One table at a time is in memory: what needs it again reads it again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_lake.layout import Lake
from data_lake.store import Receipt, StoredObject, write_receipt
from data_lake.tables import put_table, read_table
from expectations.columns import conform, load_table, polars_schema
from expectations.references import accounting_holds, keys_unique
from expectations.validate import check_table_rules, split_rows, validate
from expectations.verdicts import Rejection, Verdict
from flows.stage import Build, Inputs, Output, Rules, Stage, Tables
from transforms.columns import exclusion_columns
from transforms.errors import DataError
from transforms.records import Exclusion

USED_SCHEMA = {"key": pl.String, "entity": pl.String}
PART_SCHEMA = dict.fromkeys(("source", "key", "sample_id", "verdict", "reason", "detail"), pl.String)


@dataclass(frozen=True, slots=True)
class StoredTables(Mapping[str, pl.DataFrame]):
    """Tables by name, each read whenever it is asked for."""

    lake: Lake
    objects: Mapping[str, Sequence[StoredObject]]

    def __getitem__(self, name: str) -> pl.DataFrame:
        return read_table(self.lake, self.objects[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)


def put_part(build: Build, stage: Stage, key: str, output: Output) -> Receipt:
    """Store what one shard yielded, once every input of it is accounted for."""
    excluded = {exclusion.key for exclusion in output.exclusions}
    check_accounting(stage.name, output.inputs, output.used, [exclusion.key for exclusion in output.exclusions])
    tables = {name: pl.DataFrame(frame) for name, frame in output.tables.items()}
    used = pl.DataFrame({"key": list(output.used), "entity": list(output.used.values())}, schema=USED_SCHEMA)
    exclusions = pl.DataFrame(exclusion_columns(output.exclusions), schema=PART_SCHEMA)
    tables |= {"used": used, "exclusions": exclusions}
    objects = {name: (put_table(build.lake, frame),) for name, frame in tables.items()}
    receipt = Receipt(key, {**objects, **output.blobs}, {"in": len(output.inputs), "excluded": len(excluded)})
    write_receipt(build.lake, f"{stage.name}.parts", receipt)
    return receipt


def finish_stage(build: Build, stage: Stage, key: str, inputs: Inputs, parts: Sequence[Receipt]) -> Receipt:
    """The stage's receipt: valid tables written, failing rows in quarantine, critical failures raised.

    Whether too many inputs are rejected is for the caller to ask, once the quarantine can be looked at.
    """
    verdicts, rejections = _validated(build, stage, parts)
    used = _joined(build, parts, "used")
    exclusions = pl.concat([_joined(build, parts, "exclusions"), _quarantined(stage, used, rejections)])
    used = used.join(exclusions, on="key", how="anti")
    objects: dict[str, tuple[StoredObject, ...]] = {
        name: (put_table(build.lake, _good_rows(build, parts, name, rejections)),) for name in stage.writes
    }
    objects["exclusions"] = (put_table(build.lake, _exclusion_table(stage, exclusions)),)
    counts = _counts(parts, used, exclusions)
    counts["rows"] = objects[stage.writes[0]][0].rows if stage.writes else counts["used"]
    once = keys_unique(pl.concat([used.select("key"), exclusions.select("key")]), "key")
    rules = {**_table_rules(stage, StoredTables(build.lake, objects), inputs, counts), "inputs_counted_once": once}
    verdicts.append(check_table_rules(rules, stage.name))
    objects |= {name: tuple(entry for part in parts for entry in part.objects[name]) for name in stage.blobs}
    receipt = Receipt(key, objects, counts, tuple(verdict.to_json() for verdict in verdicts))
    write_receipt(build.lake, stage.name, receipt)
    return receipt


def check_accounting(stage: str, inputs: Iterable[str], used: Mapping[str, object], excluded: Sequence[str]) -> None:
    """Nothing is lost and nothing counted twice: inputs = used + excluded, as sets; DataError otherwise."""
    times = Counter(excluded)
    twice = {key for key, count in times.items() if count > 1 or key in used}
    wrong = twice | (set(inputs) ^ (used.keys() | times.keys()))
    if wrong:
        raise DataError(
            f"{stage}: the accounting does not close for {len(wrong)} inputs, for example {min(wrong)}. "
            "This is a fault of the program or of a source plug-in: please report it."
        )


def _validated(build: Build, stage: Stage, parts: Sequence[Receipt]) -> tuple[list[Verdict], dict[str, Rejection]]:
    """The verdict on each table, and the entities that fail in one of them."""
    judged = [_judged(build, stage, parts, name) for name in stage.writes]
    rejections: dict[str, Rejection] = {}
    for _, rejected in judged:
        rejections = {rejection.entity: rejection for rejection in rejected} | rejections
    return [verdict for verdict, _ in judged], rejections


def _judged(build: Build, stage: Stage, parts: Sequence[Receipt], name: str) -> tuple[Verdict, tuple[Rejection, ...]]:
    frame, declared = _table(build, parts, name), load_table(name)
    verdict = validate(frame, declared, **stage.suite(build.recipe).get(name, {}))
    return verdict, split_rows(frame, declared, verdict)[1]


def _good_rows(build: Build, parts: Sequence[Receipt], name: str, rejections: Mapping[str, Rejection]) -> pl.DataFrame:
    """The rows of a table that are released: an entity that fails in one table leaves all of them."""
    frame = _table(build, parts, name)
    return frame.filter(~pl.col(load_table(name).entity).is_in(sorted(rejections))) if rejections else frame


def _table(build: Build, parts: Sequence[Receipt], name: str) -> pl.DataFrame:
    return conform(_joined(build, parts, name), load_table(name))


def _joined(build: Build, parts: Sequence[Receipt], table: str) -> pl.DataFrame:
    objects: list[StoredObject] = [entry for part in parts for entry in part.objects[table]]
    return read_table(build.lake, objects)


def _quarantined(stage: Stage, used: pl.DataFrame, rejections: Mapping[str, Rejection]) -> pl.DataFrame:
    lost = rejections.keys() - set(used["entity"])
    if lost:
        raise DataError(f"{stage.name}: {min(lost)} belongs to no input: {rejections[min(lost)].detail}. Report this.")
    of_samples = all(load_table(name).entity == "sample_id" for name in stage.writes)
    rows = [
        Exclusion(
            source=key.split("/")[0],
            key=key,
            verdict="rejected",
            reason=rejections[entity].reason,
            detail=rejections[entity].detail,
            sample_id=entity if of_samples else None,
        )
        for key, entity in used.filter(pl.col("entity").is_in(sorted(rejections))).iter_rows()
    ]
    return pl.DataFrame(exclusion_columns(rows), schema=PART_SCHEMA)


def _counts(parts: Sequence[Receipt], used: pl.DataFrame, exclusions: pl.DataFrame) -> dict[str, int]:
    verdicts = exclusions["verdict"]
    return {
        "in": sum(part.counts["in"] for part in parts),
        "used": used.height,
        "dropped": int((verdicts == "dropped").sum()),
        "rejected": int((verdicts == "rejected").sum()),
    }


def _exclusion_table(stage: Stage, exclusions: pl.DataFrame) -> pl.DataFrame:
    named = exclusions.with_columns(
        pl.lit(stage.name).alias("stage"),
        pl.concat_str(pl.lit(stage.name), "source", "key", separator=":").alias("exclusion_id"),
    )
    return conform(named.select(polars_schema(load_table("exclusions")).keys()), load_table("exclusions"))


def _table_rules(stage: Stage, tables: Tables, inputs: Inputs, counts: Mapping[str, int]) -> Rules:
    unique = {
        f"{name}_keys_unique": keys_unique(tables[name], load_table(name).key) for name in (*stage.writes, "exclusions")
    }
    sums = accounting_holds(counts["in"], counts["used"], counts["dropped"], counts["rejected"])
    return unique | {"accounting": sums} | dict(stage.rules(tables, inputs))
