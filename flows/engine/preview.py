"""The first pictures of a build, drawn as soon as the first shard of them is there: a look before the rest is done."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.export.pictures import write_whole
from medmultipoints.data_lake.store.images import stored_reader
from medmultipoints.data_lake.store.objects import Receipt
from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.stage import Build, Inputs
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.contact_sheet import Cell, draw_sheet
from medmultipoints.transforms.reporting.drawing import Figure, mask_shape

PICTURES: Final = 12
SHEET: Final = "first-pictures.jpg"
SHOWN: Final = ("images", "regions", "stored")
Rows = list[dict[str, Any]]


def first_sheet(build: Build, inputs: Inputs, part: Receipt) -> Path | None:
    """Return the sheet of the first pictures with objects of one shard; None where the shard holds no such tables.

    Every label has its turn. Pictures are read again from their source: a dozen of them.
    """
    if not all(name in part.objects for name in SHOWN):
        return None
    images, regions = (read_table(build.lake, part.objects[name]) for name in SHOWN[:2])
    chosen = choose(regions, PICTURES)
    rows = images.filter(pl.col("sample_id").is_in(chosen)).sort("sample_id").to_dicts()
    read = reader(build, inputs, part, chosen)
    cells = [
        _cell(row, data, regions.filter(sample_id=row["sample_id"]).to_dicts())
        for row in rows
        if (data := read(row)) is not None
    ]
    if not cells:
        return None
    path = build.lake.reports / build.recipe.name / SHEET
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [draw_sheet(cells)])
    return path


def choose(regions: pl.DataFrame, most: int) -> list[str]:
    """Return images with objects, the labels in turn."""
    firsts = regions.unique(["sample_id", "label"], keep="first", maintain_order=True).sort("sample_id")
    turns = firsts.with_columns(pl.int_range(pl.len()).over("label").alias("turn")).sort("turn", "label")
    return turns["sample_id"].unique(maintain_order=True).head(most).to_list()


def reader(
    build: Build, inputs: Inputs, part: Receipt, chosen: list[str]
) -> Callable[[Mapping[str, Any]], bytes | None]:
    """Return what gives the bytes of an image as they will be released; None for a lost one."""
    wanted = inputs.scan("samples").filter(pl.col("sample_id").is_in(chosen)).select("sample_id", "image_member")
    members = dict(wanted.collect().rows())
    stored = stored_reader(build.lake, part.objects["stored"])

    def read(image: Mapping[str, Any]) -> bytes | None:
        data, member = stored(image["sample_id"]), members.get(image["sample_id"])
        if data is None and member is not None:
            try:
                data = build.files(image["source"]).read(member)
            except (MemberProblem, KeyError):
                return None
        return data

    return read


def _cell(image: Mapping[str, Any], data: bytes, regions: Rows) -> Cell:
    size = image["original_width"], image["original_height"]
    masks = tuple(mask_shape(row["rle"], size) for row in regions if row["rle"])
    kinds = [("source" if row["evidence"] == "box" else "object", row) for row in regions]
    boxes = tuple((kind, (row["x1"], row["y1"], row["x2"], row["y2"])) for kind, row in kinds)
    labels = ", ".join(sorted({row["label"] for row in regions}))
    return Cell(data, Figure("", image["sample_id"], *size, "", boxes, masks=masks), f"{labels}  {image['sample_id']}")
