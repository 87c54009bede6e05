"""The shipped templates and names, and tiny tables of records and images."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.instructions.naming.names import Names, parse_names
from medmultipoints.transforms.instructions.prompts import Templates, parse_templates
from medmultipoints.transforms.instructions.task_names import TASK_NAMES

Row = tuple[str, str, Sequence[Sequence[float]]]
Tables = Callable[[Sequence[Row]], tuple[pl.DataFrame, pl.DataFrame]]
_NESTED = pl.List(pl.List(pl.Float32))
_RECORDS = pl.Schema(
    {
        "record_id": pl.String(),
        "sample_id": pl.String(),
        "image_sha256": pl.String(),
        "split": pl.String(),
        "source": pl.String(),
        "classification": pl.String(),
        "label": pl.String(),
        "count": pl.Int32(),
        "points": _NESTED,
        "bbox": _NESTED,
    }
)


@pytest.fixture(scope="session")
def templates() -> Templates:
    """The templates that ship with the project."""
    folder = files("medmultipoints.transforms.instructions.templates")
    return parse_templates({task: folder.joinpath(f"{task}.toml").read_text("utf-8") for task in TASK_NAMES})


@pytest.fixture(scope="session")
def names() -> Names:
    """The names that ship with the project."""
    return parse_names(files("medmultipoints.transforms.instructions").joinpath("names.toml").read_text("utf-8"))


@pytest.fixture(scope="session")
def tables() -> Tables:
    """A function from (image letter, label, boxes) to the records and images tables; points are box centres."""
    return _tables


def _tables(rows: Sequence[Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
    records = [
        {
            "record_id": f"{letter * 64}:{label}",
            "sample_id": f"a_source/{letter}",
            "image_sha256": letter * 64,
            "split": "train",
            "source": "a_source",
            "classification": "a-class",
            "label": label,
            "count": len(boxes),
            "points": [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes],
            "bbox": [list(box) for box in boxes],
        }
        for letter, label, boxes in rows
    ]
    letters = sorted({letter for letter, _, _ in rows})
    images = [
        {
            "sample_id": f"a_source/{letter}",
            "image_sha256": letter * 64,
            "image_file": f"images/{letter * 64}.jpg",
            "split": "train",
            "source": "a_source",
            "classification": "a-class",
            "labels_exhaustive": ["normal", "pinhead", "cluster", "polyps"],
        }
        for letter in letters
    ]
    return pl.DataFrame(records, schema=_RECORDS), fill_images(images)


def fill_images(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The table of images: null in the columns that no row has."""
    schema = schema_of("released_images")
    return pl.DataFrame([dict.fromkeys(schema) | {"width": 640, "height": 480} | row for row in rows], schema=schema)
