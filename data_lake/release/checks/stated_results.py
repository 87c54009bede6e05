"""Check leakage.json and expectations.json against the tables of the release."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medmultipoints.data_lake.release.read.certificate import (
    CERTIFICATE,
    read_certificate,
    stated_text,
    threshold_of,
    threshold_problems,
)
from medmultipoints.data_lake.release.read.expectations import EXPECTATIONS
from medmultipoints.data_lake.release.read.joins import read_joins
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.problems import first_problem
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.joined import describe_joins
from medmultipoints.transforms.splits.leakage import SHARED, count_places, count_shared, find_leaks

Count = Annotated[int, Field(ge=0)]
RELEASED = {"records": "records", "objects": "objects", "instructions": "instructions"}
"""Tables of stages whose rows, but those held back, are the rows of a table of the release."""


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class StatedRule(_Stated):
    """One rule of a suite: the number of rows that it judged and that broke it."""

    rule: str
    severity: Literal["warning", "critical"]
    rows: Count
    failed: Count


class StatedTable(_Stated):
    """One table that a stage validated."""

    stage: str
    table: str
    suite: str
    rows: Count
    held_back: Count
    rules: list[StatedRule]


class StatedExpectations(_Stated):
    """The content of expectations.json."""

    format: Literal[1]
    tables: list[StatedTable]


def check_expectations(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[str]:
    """Yield a sentence for everything in expectations.json that contradicts itself, the accounting or the tables."""
    for table in read_expectations(folder).tables:
        where = f"{table.stage}: {table.table}"
        for rule in table.rules:
            if rule.failed > rule.rows or (rule.failed and rule.severity == "critical"):
                yield f"{where}: {rule.failed:,} of {plural(rule.rows, 'row')} break {rule.rule} ({rule.severity})"
        if table.held_back > min(table.rows, sum(rule.failed for rule in table.rules)):
            yield f"{where}: {plural(table.held_back, 'row is', 'rows are')} held back, more than break a rule"
        yield from _accounting_problems(where, table, manifest)
        name = RELEASED.get(table.table)
        rows = getattr(tables, name).height if name else 0
        if name and not (rows == table.rows if table.held_back == 0 else rows <= table.rows - table.held_back):
            judged = plural(table.rows, "row was", "rows were")
            yield f"{where}: {judged} judged, {table.held_back:,} held back; the release has {rows:,}"


def read_expectations(folder: Path) -> StatedExpectations:
    """Return the checked content of expectations.json; DataError names what is wrong in it."""
    try:
        return StatedExpectations.model_validate_json((folder / EXPECTATIONS).read_bytes())
    except OSError as error:
        raise DataError(f"{EXPECTATIONS} cannot be read: {error.strerror}. Get the release again.") from error
    except ValidationError as error:
        found = first_problem(error, StatedExpectations)
        raise DataError(f"{EXPECTATIONS} is damaged: {found}. Get the release again.") from error


def _accounting_problems(where: str, table: StatedTable, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence if the rows that are held back and the rejections in the accounting disagree."""
    reasons = {
        reason.reason
        for stage in manifest.accounting
        for reason in stage.reasons
        if stage.name == table.stage and reason.verdict == "rejected"
    }
    broken = {rule.rule for rule in table.rules if rule.failed}
    if table.held_back and not broken & reasons:
        held_back = plural(table.held_back, "row is", "rows are")
        yield f"{where}: {held_back} held back, but the accounting rejects nothing for their rules"


def check_stated_leakage(folder: Path, manifest: Manifest, images: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each leak in leakage.json, and for each count that contradicts the images table.

    Near-duplicates need the pictures: ``verify --leakage`` recomputes the whole certificate.
    """
    stated = read_certificate(folder)
    yield from threshold_problems(threshold_of(stated), manifest)
    leaks = stated.get("leaks")
    if not isinstance(leaks, dict) or not {*SHARED, "near_duplicates"} <= leaks.keys():
        raise DataError(f"{CERTIFICATE} is damaged: leaks is incomplete. Get the release again.")
    yield from find_leaks({"nearest_across_splits": [], **stated} | {"leaks": leaks})
    if "examinations" in stated:
        found = describe_joins(images, read_joins(folder, manifest), stated_text(stated))
        if found["across_splits"] != {name: leaks.get(name) for name in found["across_splits"]}:
            yield f"{CERTIFICATE} has other leaks of examinations than quarantine/joins.parquet gives"
        if found != stated["examinations"]:
            yield f"{CERTIFICATE} has other joins of examinations than quarantine/joins.parquet gives"
    near = stated.get("near_duplicates")
    if not isinstance(near, dict) or near.get("across_splits") != leaks["near_duplicates"]:
        yield f"{CERTIFICATE} contradicts itself on near-duplicates in different splits"
    for name, found in count_places(images).items():
        if stated.get(name) != found:
            yield f"{CERTIFICATE} has other {name} than the images have"
    for name, count in count_shared(images).items():
        if leaks[name] != count:
            yield f"{CERTIFICATE} has {leaks[name]} {name.replace('_', ' ')} in several splits, the table {count}"
