"""Read typed values from a release's JSON files; values of the wrong type become an error that names the release."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import orjson
import polars as pl
import pyarrow as pa

from medmultipoints.data_lake.release.write.files import MADE
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.transforms.columns.tables import load_table, polars_schema
from medmultipoints.transforms.errors import DataError

P = ParamSpec("P")
Result = TypeVar("Result")

DECLARED: Final = {"data": "records", "images": "released_images", "objects": "objects"} | {name: name for name in MADE}
"""The declared table that the files of a folder of a release hold."""
UNSOUND: Final = (
    AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError, pl.exceptions.PolarsError,
    pa.ArrowException,
)  # fmt: skip


def read_object(folder: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of the release; DataError for any other content."""
    try:
        value = orjson.loads((folder / name).read_bytes())
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}. Get the release again.") from error
    except orjson.JSONDecodeError as error:
        raise DataError(f"{name} is damaged: {error}. Get the release again.") from error
    if not isinstance(value, dict):
        raise DataError(f"{name} is damaged: it is not a JSON object. Get the release again.")
    return value


def recipe_value(manifest: Manifest, kind: type | tuple[type, ...], *names: str) -> Any:
    """Return the value under nested names in the recipe of a release, None if it is missing.

    DataError if it, or a table on the way to it, has another type.
    """
    value: Any = manifest.recipe
    for depth, name in enumerate(names, 1):
        value = value.get(name)
        if value is None:
            return None
        if not isinstance(value, kind if depth == len(names) else dict):
            raise DataError(f"{MANIFEST} is damaged: recipe.{'.'.join(names[:depth])} is of the wrong type.")
    return value


def reads_release(work: Callable[Concatenate[Path, P], Result]) -> Callable[Concatenate[Path, P], Result]:
    """Raise errors from an unsound release as DataError; the function's first argument is the release folder."""

    @wraps(work)
    def explained(folder: Path, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            return work(folder, *args, **kwargs)
        except UNSOUND as error:
            first = next(iter(str(error).splitlines()), "")
            raise DataError(
                f"{folder} is not a sound release: {type(error).__name__}: {first}. `medmultipoints verify` names what "
                "is wrong in it; if all its checks pass, please report this error."
            ) from error

    return explained


def check_types(path: Path, rows: pl.DataFrame, table: str) -> None:
    """Raise DataError for a column of an undeclared type, and for a null where none is allowed.

    Missing columns are those of later releases.
    """
    stated = load_table(table)
    for name, declared in polars_schema(stated).items():
        found = rows.schema.get(name, declared)
        place = f"{path.parent.name}/{path.name}: column {name}"
        if found != declared:
            raise DataError(f"{place} has the type {found}, expected {declared}. Get the release again.")
        if name in rows.columns and not stated.column(name).nullable and rows[name].null_count():
            raise DataError(f"{place} holds null, which is not declared. Get the release again.")
