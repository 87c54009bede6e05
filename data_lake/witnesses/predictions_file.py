"""Read and write predictions: Parquet with one row per picture and model, pinned by a recipe's sha256.

Its columns are those of the declared table ``predictions`` without ``sample_id`` and ``split``, which a release adds.
The models' declarations are JSON under ``medmultipoints.models`` in the file's metadata.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, TypeAdapter, ValidationError

from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.parquet import write_table
from medmultipoints.data_lake.witnesses.model_file import ModelFacts
from medmultipoints.transforms.columns.tables import column_names, load_table, released_schema, schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.masks.run_lengths import area_of_rle, box_of_rle
from medmultipoints.transforms.problems import SHA256, first_problem
from medmultipoints.transforms.records import TONE_COLUMNS
from medmultipoints.transforms.witnesses.predicted_objects import BINS

PREDICTIONS: Final = "predictions.parquet"
MODELS: Final = b"medmultipoints.models"
LISTS: Final = column_names("predictions", "by_object")
COLUMNS: Final = tuple(
    name for name in column_names("predictions") if name not in column_names("predictions", "placed")
)
Row = dict[str, Any]
Statement = dict[str, Any]


class StatedModel(ModelFacts):
    """What the file says of a model that made its predictions."""

    trained_pictures: int = Field(ge=0)
    trained_groups: int = Field(ge=0)


_STATEMENTS: Final = TypeAdapter(list[StatedModel])


def prediction_id(image_sha256: str, model_sha256: str) -> str:
    """Return the key of a model's prediction about a picture."""
    return f"{image_sha256}:{model_sha256[:12]}"


def write_predictions(path: Path, rows: Iterable[Row], models: Sequence[Statement]) -> FileEntry:
    """Write the rows, sorted by key, and the models' declarations; equal rows give equal bytes."""
    frame = pl.DataFrame(list(rows), schema=_schema()).sort("prediction_id")
    columns = released_schema(column for column in load_table("predictions").columns if column.name in COLUMNS)
    stated = orjson.dumps(sorted(models, key=lambda one: one["sha256"]), option=orjson.OPT_SORT_KEYS)
    return write_table(path, frame, columns.with_metadata({**(columns.metadata or {}), MODELS: stated}))


def read_predictions(path: Path, where: str) -> tuple[pl.DataFrame, list[Statement]]:
    """Return the rows of a file and its models; DataError names the first fault."""
    try:
        with pq.ParquetFile(path) as file:
            metadata: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
            frame = pl.DataFrame(pl.from_arrow(file.read()))
        models: list[Statement] = orjson.loads(metadata[MODELS])
        stated = _STATEMENTS.validate_python(models)
    except ValidationError as error:
        raise DataError(f"{where}: its models: {first_problem(error, StatedModel)}. {_REMEDY}") from error
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{where}: not a file of predictions ({type(error).__name__}). {_REMEDY}") from error
    if dict(frame.schema) != dict(_schema()):
        odd = sorted({*frame.schema.items()} ^ {*_schema().items()}, key=str)
        raise DataError(f"{where}: column {odd[0][0]} is missing, unknown or of another type. {_REMEDY}")
    for problem in chain(_problems_of_models(stated), _problems(frame, {one.sha256: one for one in stated})):
        raise DataError(f"{where}: {problem}. {_REMEDY}")
    return frame, models


def read_models(path: Path) -> list[Statement]:
    """Return the models' declarations in a valid file."""
    with pq.ParquetFile(path) as file:
        found: list[Statement] = orjson.loads((file.schema_arrow.metadata or {})[MODELS])
    return found


def labels_of_models(models: Sequence[Statement]) -> dict[str, frozenset[str]]:
    """Return the labels that each model knows, by its sha256."""
    return {one["sha256"]: frozenset(one["output"]["labels"]) for one in models}


_REMEDY: Final = "Write it again with `medmultipoints witness`."


def _schema() -> pl.Schema:
    return pl.Schema({name: kind for name, kind in schema_of("predictions").items() if name in COLUMNS})


def _problems_of_models(models: Sequence[StatedModel]) -> Iterator[str]:
    """Yield the models that are declared twice, and those trained on a split that list none of its pictures.

    A model without such a list judges the pictures that it was trained on.
    """
    twice = [sha256 for sha256, times in Counter(one.sha256 for one in models).items() if times > 1]
    yield from (f"model {sha256[:12]} is declared twice" for sha256 in twice)
    for one in models:
        if one.trained_on.split and not one.trained_pictures:
            split = f"{one.trained_on.split} of {one.trained_on.release}"
            yield f"model {one.name}: trained on {split}, but lists no pictures"


def _problems(frame: pl.DataFrame, models: Mapping[str, StatedModel]) -> Iterator[str]:
    yield from (f"{column.name} holds null" for column in frame if column.null_count())
    twice = frame.filter(pl.col("prediction_id").is_duplicated())
    yield from (f"{name} occurs twice" for name in twice["prediction_id"].head(1))
    for row in frame.iter_rows(named=True):
        model = models.get(row["model_sha256"])
        problems = _problems_of_row(row, model) if model else ["its model is not declared in the file"]
        yield from (f"{row['prediction_id']}: {problem}" for problem in problems)


def _problems_of_row(row: Row, model: StatedModel) -> Iterator[str]:
    if row["model"] != model.name:
        yield f"the model is called {model.name}, not {row['model']}"
    if not all(re.fullmatch(SHA256, row[name]) for name in ("image_sha256", "stored_sha256")):
        yield "image_sha256 or stored_sha256 is not a sha256"
    if row["prediction_id"] != prediction_id(row["image_sha256"], model.sha256):
        yield "prediction_id is not made of image_sha256 and model_sha256"
    if row["width"] < 1 or row["height"] < 1:
        yield f"the picture has {row['width']} x {row['height']} px"
    elif any(len(row[name]) != row["count"] for name in LISTS):
        yield "its lists are not as long as its count"
    else:
        for number, values in enumerate(zip(*(row[name] for name in LISTS), strict=True)):
            found = _problem_of_object(dict(zip(LISTS, values, strict=True)), row, model)
            yield from [f"object {number}: {found}"] if found else []
        if len({*zip(row["labels"], row["rles"], strict=True)}) < row["count"]:
            yield "an object occurs twice"


def _problem_of_object(one: Row, row: Row, model: StatedModel) -> str | None:
    """Return what is wrong with one object of a prediction, by the name of its column; None if nothing is."""
    if one["labels"] not in model.output.labels:
        return f"labels: {one['labels']} is not one of its model"
    if not _is_mask(one, row["width"], row["height"]):
        return "rles: the mask is not what its box and area say"
    if one["score_bins"] not in range(BINS):
        return f"score_bins: {one['score_bins']} is not a whole number from 0 to {BINS - 1}"
    if not _within([one["stabilities"]], 1):
        return f"stabilities: {one['stabilities']} is not a number from 0 to 1"
    if one["tones"] is None or len(one["tones"]) not in (0, len(TONE_COLUMNS)) or not _within(one["tones"], 255):
        return f"tones: {one['tones']} is not {len(TONE_COLUMNS)} numbers from 0 to 255, or none"
    return None


def _is_mask(one: Row, width: int, height: int) -> bool:
    """Return whether box and area of an object are those of its mask."""
    try:
        found = [*box_of_rle(one["rles"], height, width)], area_of_rle(one["rles"])
    except (ValueError, AttributeError):  # not the code of an object, or null
        return False
    return found == (one["bbox"], one["areas_px"])


def _within(values: Sequence[float | None], most: float) -> bool:
    """Return whether all values are numbers from 0 to ``most``; NaN is not."""
    return all(value is not None and 0 <= value <= most for value in values)
