"""Tiny tables for the tests of the table transforms."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import conform, load_table, polars_schema

Rows = list[dict[str, Any]]
MakeTable = Callable[[str, Rows], pl.DataFrame]

KEYS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "regions": lambda row: f"{row['sample_id']}:{row['evidence']}:{row['label']}:{row['index']}",
    "specks": lambda row: f"{row['sample_id']}:{row['index']}",
}
DEFAULTS: Mapping[str, dict[str, Any]] = {
    "images": {"original_width": 100, "original_height": 80, "width": 100, "height": 80, "scale": 1.0, "format": "jpg"}
    | {"annotated": True, "image_origin": "member", "stored_bytes": 1, "perceptual_hash": "0" * 16},
    "samples": {"organ": "Lower GI", "finding": "polyps", "classification": "pathological-findings"},
    "regions": {"image_width": 100, "image_height": 80, "index": 0, "label": "polyps"},
}


def fill_table(name: str, rows: Rows) -> pl.DataFrame:
    """The declared table of these rows: what a row leaves out is derived, null where allowed, or a plain default."""
    declared = load_table(name)
    plain = {column.name: _default(column.type, column.nullable) for column in declared.columns}
    filled = [plain | DEFAULTS.get(name, {}) | _from_id(row) | row for row in rows]
    for row in filled:
        if name in KEYS:
            row[declared.key] = KEYS[name](row)
    columns = {column: [row[column] for row in filled] for column in polars_schema(declared)}
    return conform(pl.DataFrame(columns, schema=polars_schema(declared)), declared)


def _from_id(row: dict[str, Any]) -> dict[str, Any]:
    source, _, stem = row["sample_id"].partition("/")
    sha256 = {
        name: stem.encode().hex().ljust(64, "0")[:64] for name in ("image_sha256", "stored_sha256", "luma_blake3")
    }
    return {"source": source, "stem": stem, "image_member": f"images/{stem}.jpg", **sha256}


def _default(kind: str, nullable: bool) -> Any:
    if nullable:
        return None
    if kind.startswith("list"):
        return []
    return {"string": "", "bool": False}.get(kind, 0)


@pytest.fixture(scope="session")
def make_table() -> MakeTable:
    """Builds a declared table from rows that name only what matters."""
    return fill_table
