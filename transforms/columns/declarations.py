"""Parse the declaration of a table into its columns and rules."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from medmultipoints.transforms.errors import DataError

SCALARS = ("string", "int32", "int64", "float32", "float64", "bool")
_LISTS = tuple(f"list<{scalar}>" for scalar in SCALARS)
TYPES = (*SCALARS, *_LISTS, *(f"list<{inner}>" for inner in _LISTS), "image")


class DeclarationError(DataError):
    """Raised if a table declaration is wrong, or a frame does not have the declared columns."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Name of a check's value that the recipe supplies at validation."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Constraints on the values of a scalar column; null always passes (see ``Column.nullable``)."""

    min: float | Parameter | None = None
    max: float | Parameter | None = None
    regex: str | None = None
    values: tuple[str | int | float | bool, ...] | Parameter | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A declared column.

    ``tags`` name groups of columns, for ``column_names`` of ``transforms.columns.tables``.
    """

    name: str
    type: str
    nullable: bool = False
    unit: str | None = None
    meaning: str
    check: Check = Check()
    tags: tuple[str, ...] = ()

    @property
    def scalar(self) -> str:
        """Type of the innermost values; ``image`` for pictures."""
        return self.type.removeprefix("list<").removeprefix("list<").rstrip(">")

    @property
    def depth(self) -> int:
        """Number of lists around each value."""
        return self.type.count("list<")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over several columns of one row; its expression is in ``expectations.rules``."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table, sorted by ``key``; rows with the same value of ``entity`` are rejected together."""

    name: str
    key: str
    entity: str
    meaning: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def parse_table(name: str, text: str) -> Table:
    """Return the table declared by a TOML text. Raise DeclarationError for wrong keys or inapplicable checks."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"{name}.toml is not valid TOML: {error}") from error
    required = {"key", "entity", "meaning", "columns", "rules"}
    _match_keys(name, raw, required, required)
    columns = tuple(_column(f"{name}.{key}", key, value) for key, value in raw["columns"].items())
    names = {column.name for column in columns}
    for role in ("key", "entity"):
        if raw[role] not in names:
            raise DeclarationError(f"{name}.toml: {role} = {raw[role]!r} is not one of its columns")
    rules = tuple(Rule(key, meaning) for key, meaning in raw["rules"].items())
    return Table(name, raw["key"], raw["entity"], raw["meaning"], columns, rules)


def _column(where: str, name: str, raw: dict[str, Any]) -> Column:
    _match_keys(where, raw, {"type", "meaning"}, {field.name for field in fields(Column)} - {"name"})
    given = {**raw, "check": _check(where, raw.get("check", {})), "tags": tuple(raw.get("tags", ()))}
    column = Column(name=name, **given)
    if column.type not in TYPES:
        raise DeclarationError(f"{where}: unknown type {column.type!r}. Known are: {', '.join(TYPES)}")
    if column.check != Check() and column.type not in SCALARS:
        raise DeclarationError(f"{where}: a check needs a scalar column; write a rule for {column.type}")
    return column


def _check(where: str, raw: dict[str, Any]) -> Check:
    _match_keys(where, raw, set(), {field.name for field in fields(Check)})
    return Check(**{key: _check_value(where, value) for key, value in raw.items()})


def _check_value(where: str, value: Any) -> Any:
    if isinstance(value, dict):
        _match_keys(where, value, {"parameter"}, {"parameter"})
        return Parameter(value["parameter"])
    return tuple(value) if isinstance(value, list) else value


def _match_keys(where: str, raw: Mapping[str, Any], required: set[str], allowed: set[str]) -> None:
    for kind, keys in (("unknown", set(raw) - allowed), ("missing", required - set(raw))):
        if keys:
            known = ", ".join(sorted(allowed))
            raise DeclarationError(f"{where}: {kind} key {', '.join(sorted(keys))}. Known are: {known}")
