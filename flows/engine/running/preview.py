"""Draw the first pictures of a build as soon as their shard is finished, as an early preview."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.export.pictures import write_atomically
from medmultipoints.data_lake.store.objects import Receipt
from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import Build, Inputs
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.contact_sheet import Cell, draw_sheet
from medmultipoints.transforms.reporting.drawing import Figure, mask_shape

PICTURES: Final = 12
SHEET: Final = "first-pictures.jpg"
SHOWN: Final = ("images", "regions", "stored")
Rows = list[dict[str, Any]]


def first_sheet(build: Build, inputs: Inputs, part: Receipt) -> Path | None:
    """Return the sheet of a shard's first pictures with objects; None if the shard has no such tables.

    Labels alternate. About a dozen pictures are read again from their source.
    """
    if not all(name in part.objects for name in SHOWN):
        return None
    images, regions = (read_table(build.lake, part.objects[name]) for name in SHOWN[:2])
    chosen = choose(regions, PICTURES)
    rows = images.filter(pl.col("sample_id").is_in(chosen)).sort("sample_id").to_dicts()
    read = image_reader(build, replace(inputs, objects={**inputs.objects, **part.objects}))
    cells: list[Cell] = []
    for row in rows:
        with suppress(MemberProblem):  # the stage that needs the picture reports the loss
            data = read(row["sample_id"])
            cells.append(_cell(row, data, regions.filter(sample_id=row["sample_id"]).to_dicts()))
    if not cells:
        return None
    path = build.lake.reports / build.recipe.name / SHEET
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, [draw_sheet(cells)])
    return path


def choose(regions: pl.DataFrame, most: int) -> list[str]:
    """Return images with objects, alternating between labels."""
    firsts = regions.unique(["sample_id", "label"], keep="first", maintain_order=True).sort("sample_id")
    turns = firsts.with_columns(pl.int_range(pl.len()).over("label").alias("turn")).sort("turn", "label")
    return turns["sample_id"].unique(maintain_order=True).head(most).to_list()


def _cell(image: Mapping[str, Any], data: bytes, regions: Rows) -> Cell:
    size = image["original_width"], image["original_height"]
    masks = tuple(mask_shape(row["rle"], size) for row in regions if row["rle"])
    kinds = [("source" if row["evidence"] == "box" else "object", row) for row in regions]
    boxes = tuple((kind, (row["x1"], row["y1"], row["x2"], row["y2"])) for kind, row in kinds)
    labels = ", ".join(sorted({row["label"] for row in regions}))
    return Cell(data, Figure("", image["sample_id"], *size, "", boxes, masks=masks), f"{labels}  {image['sample_id']}")
