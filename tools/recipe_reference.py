"""Generate docs/recipe.md from the models of recipes and the signatures of readers."""

import inspect
import json
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from medmultipoints.data_lake.catalogue import SourceInfo, load_catalogue
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.source_checks import reader_options
from medmultipoints.transforms.sources.builtin import BUILT_IN

_INTRODUCTION = """# Recipe

Generated from `flows/recipe/model.py` and the readers by `make docs`; do not edit.

A recipe is one TOML file that says what a release is made of. A key that is not listed here is an error, so a
misspelt one cannot go unnoticed; so is a key that has no effect in this recipe. `medmultipoints build my-recipe.toml`
takes the path of any file; the recipes in `flows/recipes/` go by their names and are good ones to start from. Keys
without a default must be given.
"""

_OWN = """## [sources.NAME]

A source of your own: `path` names its folder or archive, `declaration` the file that `medmultipoints inspect` wrote.
All keys are in [Declaration of a source](declaration.md), an example in [Your own data](own-data.md).

```toml
[sources.cells]
path = "BCCD"
declaration = "cells.toml"
licence = "MIT"
```
"""


def render_recipe() -> str:
    """Return the reference of all keys of a recipe as Markdown."""
    sections = {name: kind for name, field in Recipe.model_fields.items() if (kind := model_of(field)) is not None}
    top = {name: field for name, field in Recipe.model_fields.items() if name not in sections}
    parts = [_INTRODUCTION, f"## Top of the file\n\n{table_of(top)}"]
    parts += [_source(info) for info in load_catalogue().values() if info.name in BUILT_IN]
    parts += [_OWN]
    parts += [
        f"## [{name}]\n\n{inspect.getdoc(kind)}\n\n{table_of(kind.model_fields)}" for name, kind in sections.items()
    ]
    return "\n".join(parts)


def _source(info: SourceInfo) -> str:
    fields = reader_options(info.reader).model_fields
    labels = ", ".join(f"`{label}`" for label in info.labels)
    options = table_of(fields) if fields else "No options.\n"
    return f"## [sources.{info.name}]\n\n{info.title}. Labels: {labels}.\n\n{options}"


def table_of(fields: Mapping[str, FieldInfo]) -> str:
    """Return the keys of a table with type, default and meaning as Markdown."""
    rows = "".join(_row(name, field) for name, field in fields.items())
    return f"| key | type | default | meaning |\n|---|---|---|---|\n{rows}"


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.is_required() else _default(field.get_default())
    cells = (f"`{field.alias or name}`", describe_type(field.annotation, field.metadata), default, meaning_of(field))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def meaning_of(field: FieldInfo) -> str:
    """Return the meaning of a key: the description of a model's field, or the annotation of a reader's option."""
    return field.description or next((text for text in field.metadata if isinstance(text, str)), "")


def _default(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return (
            "`{ " + ", ".join(f"{key} = {json.dumps(item)}" for key, item in value.items()) + " }`" if value else "`{}`"
        )
    return f"`{json.dumps(value)}`"


def describe_type(kind: Any, limits: Sequence[Any] = ()) -> str:
    """Return a type with its bounds in words: "integer, at least 1", "one of `a`, `b`", "list, each text"."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return describe_type(arguments[0], [*arguments[1:], *limits])
    if origin is Literal:
        return "one of " + ", ".join(f"`{json.dumps(value)}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(describe_type(part, limits) for part in arguments if part is not NoneType)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "table"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner = describe_type(arguments[1])
        return "table of tables" if inner.startswith("table") else f"table, each value {inner}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"list, each {describe_type(arguments[0])}"
    words = {bool: "true or false", int: "integer", float: "number", str: "text", object: "any"}
    return ", ".join([words.get(kind, str(kind)), *_bounds(limits)])


def _bounds(limits: Sequence[Any]) -> list[str]:
    flat: list[Any] = []
    for limit in limits:
        flat += limit.metadata if isinstance(limit, FieldInfo) else [limit]
    found = {name: getattr(limit, name) for limit in flat for name in ("ge", "gt", "le") if hasattr(limit, name)}
    signs = {"ge": "at least", "gt": "above", "le": "at most"}
    return [f"{signs[name]} {value}" for name, value in found.items() if value is not None]


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a key whose value is a table, or None."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
