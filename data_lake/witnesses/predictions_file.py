"""Read and write predictions: Parquet with one row per picture and model, pinned by a recipe's sha256.

Its columns are those of the declared table ``predictions`` without ``sample_id`` and ``split``, which a release adds.
The models' declarations are JSON under ``medmultipoints.models`` in the file's metadata.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.parquet import write_table
from medmultipoints.transforms.columns.tables import column_names, load_table, released_schema, schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.masks.run_lengths import area_of_rle, box_of_rle

PREDICTIONS: Final = "predictions.parquet"
MODELS: Final = b"medmultipoints.models"
LISTS: Final = column_names("predictions", "by_object")
COLUMNS: Final = tuple(
    name for name in column_names("predictions") if name not in column_names("predictions", "placed")
)
Row = dict[str, Any]
Statement = dict[str, Any]


def write_predictions(path: Path, rows: Iterable[Row], models: Sequence[Statement]) -> FileEntry:
    """Write the rows, sorted by key, and the models' declarations; equal rows give equal bytes."""
    frame = pl.DataFrame(list(rows), schema=_schema()).sort("prediction_id")
    columns = released_schema(column for column in load_table("predictions").columns if column.name in COLUMNS)
    told = orjson.dumps(sorted(models, key=lambda one: one["sha256"]), option=orjson.OPT_SORT_KEYS)
    return write_table(path, frame, columns.with_metadata({**(columns.metadata or {}), MODELS: told}))


def read_predictions(path: Path, where: str) -> tuple[pl.DataFrame, list[Statement]]:
    """Return the rows of a file and its models; DataError names the first fault."""
    try:
        with pq.ParquetFile(path) as file:
            metadata: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
            frame = pl.DataFrame(pl.from_arrow(file.read()))
        models = orjson.loads(metadata[MODELS])
        known = labels_of_models(models)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{where}: not a file of predictions ({type(error).__name__}). {_REMEDY}") from error
    if dict(frame.schema) != dict(_schema()):
        odd = sorted({*frame.schema.items()} ^ {*_schema().items()}, key=str)
        raise DataError(f"{where}: its columns are not those of predictions, first {odd[0][0]}. {_REMEDY}")
    for problem in (*_blind(models), *_problems(frame, known)):
        raise DataError(f"{where}: {problem}. {_REMEDY}")
    return frame, models


def read_models(path: Path) -> list[Statement]:
    """Return the models' declarations in a valid file."""
    with pq.ParquetFile(path) as file:
        found: list[Statement] = orjson.loads((file.schema_arrow.metadata or {})[MODELS])
    return found


_REMEDY: Final = "Write it again with `medmultipoints witness`."


def _schema() -> pl.Schema:
    return pl.Schema({name: kind for name, kind in schema_of("predictions").items() if name in COLUMNS})


def labels_of_models(models: Sequence[Statement]) -> dict[str, frozenset[str]]:
    """Return the labels that each model knows, by its sha256."""
    return {str(one["sha256"]): frozenset(map(str, one["output"]["labels"])) for one in models}


def _blind(models: Sequence[Statement]) -> Iterator[str]:
    """Yield the models of a split that list none of its pictures, so that they judged what they had learned."""
    for one in models:
        learned = one.get("trained_on", {})
        if learned.get("split") and not one.get("trained_pictures"):
            split = f"{learned['split']} of {learned['release']}"
            yield f"model {one.get('name')}: trained on {split}, but lists no pictures"


def _problems(frame: pl.DataFrame, known: Mapping[str, frozenset[str]]) -> Iterable[str]:
    if frame.null_count().sum_horizontal().sum():
        yield "it holds null"
    twice = frame.filter(pl.col("prediction_id").is_duplicated())
    yield from (f"{name} occurs twice" for name in twice["prediction_id"].head(1))
    for row in frame.iter_rows(named=True):
        if not set(row["labels"]) <= known.get(row["model_sha256"], frozenset()):
            yield f"{row['prediction_id']}: a label is not one of its model"
        if any(len(row[name]) != row["count"] for name in LISTS):
            yield f"{row['prediction_id']}: its lists are not as long as its count"
            continue
        for rle, box, area in zip(row["rles"], row["bbox"], row["areas_px"], strict=True):
            try:
                sound = [*box_of_rle(rle, row["height"], row["width"])] == box and area_of_rle(rle) == area
            except ValueError:
                sound = False
            if not sound:
                yield f"{row['prediction_id']}: a mask is not what its box and area say"
