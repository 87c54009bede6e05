"""A leak in a finished release: what the tests and the acceptance script plant."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def rewrite(path: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    """The Parquet file with its rows changed, its schema kept."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def file_of(release: Path, table: str, split: str) -> Path:
    return release / table / f"{split}-00000-of-00001.parquet"


def mirrored(data: bytes) -> bytes:
    """The picture with left and right exchanged, encoded again."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[:, ::-1]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def plant_picture(release: Path) -> tuple[str, str]:
    """A test image gets the mirrored picture of a training image; both ids."""
    trained = pq.read_table(file_of(release, "data", "train")).to_pylist()[0]
    tested: list[str] = []

    def change(rows: list[dict[str, object]]) -> None:
        tested.append(str(rows[0]["sample_id"]))
        for row in rows:
            if row["sample_id"] == tested[0]:
                row["image"] = {"bytes": mirrored(trained["image"]["bytes"]), "path": "x.jpg"}

    rewrite(file_of(release, "data", "test"), change)
    one, other = sorted((str(trained["sample_id"]), tested[0]))
    return one, other
