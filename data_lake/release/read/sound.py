"""Releases with values of the wrong type: an error that names the release, never an internal error."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import polars as pl
import pyarrow as pa

from medmultipoints.data_lake.release.write.files import MADE
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


def reads_release(work: Callable[Concatenate[Path, P], Result]) -> Callable[Concatenate[Path, P], Result]:
    """Make what a function meets in an unsound release a DataError; the function's first argument is its folder."""

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
    """Raise DataError for a column of another type than declared, and for a null where none may be.

    Columns that the rows lack are those of later releases.
    """
    stated = load_table(table)
    for name, declared in polars_schema(stated).items():
        found = rows.schema.get(name, declared)
        place = f"{path.parent.name}/{path.name}: column {name}"
        if found != declared:
            raise DataError(f"{place} has the type {found}, declared is {declared}. Get the release again.")
        if name in rows.columns and not stated.column(name).nullable and rows[name].null_count():
            raise DataError(f"{place} holds null, which is not declared. Get the release again.")
