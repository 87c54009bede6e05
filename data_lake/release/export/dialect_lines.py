"""Translate the instructions of a release to trainers' dialects: the entries of an export as canonical JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
import polars as pl

from medmultipoints.data_lake.release.export.dialect_rows import make_items
from medmultipoints.data_lake.release.read.released_tables import line_id
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.dialects.conversations.answers import Unsupported
from medmultipoints.transforms.dialects.conversations.columns import to_row
from medmultipoints.transforms.dialects.registry import DIALECTS, Conversation

STAGE = "translate"
FORMS = {name: one.form for name, one in DIALECTS.items() if isinstance(one.form, Conversation)}
"""The dialects of conversations."""
WITH_PICTURES = frozenset({"trl"})
"""Dialects whose table in a release holds the pictures, so that it trains without an export; others hold paths."""
PICTURES = "images"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An instruction that a dialect cannot express, and the reason."""

    dialect: str
    instruction_id: str
    record_id: str
    why: str


def left_out_reason(dialect: str) -> str:
    """Return the accounting's reason for instructions that a dialect cannot express."""
    return "no_form_in_" + dialect.replace("-", "_").replace(".", "_")


def translate(
    instructions: pl.DataFrame, images: pl.DataFrame, records: pl.DataFrame, dialects: Iterable[str]
) -> tuple[pl.DataFrame, list[LeftOut]]:
    """Return the instructions in each of the dialects, sorted by key, and those that have no form there."""
    forms = {name: FORMS[name] for name in dialects}
    splits = dict(instructions.select("instruction_id", "split").iter_rows())
    rows: list[tuple[str, ...]] = []
    left_out: list[LeftOut] = []
    for item in make_items(instructions, images, records) if forms else ():
        for name, form in forms.items():
            try:
                line = orjson.dumps(to_row(form.encode(item), form.columns)).decode()
            except Unsupported as reason:
                left_out.append(LeftOut(name, item.instruction_id, item.record_id, str(reason)))
                continue
            key = line_id(name, item.instruction_id)
            rows.append((key, name, item.instruction_id, item.record_id, splits[item.instruction_id], line))
    return pl.DataFrame(rows, schema=schema_of("dialect_lines"), orient="row").sort("line_id"), left_out
