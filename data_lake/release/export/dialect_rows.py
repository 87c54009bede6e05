"""Read the input of the dialects from a release: its instructions and its pictures with their objects."""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.data_lake.release.read.released_tables import read_all_instructions, read_parquet
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.columns.record_columns import objects_of
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.dialects.conversations.prompts import Requests, learn_requests, split_prompt
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.items import Contents, Item, Picture
from medmultipoints.transforms.diff.releases import INSTRUCTION_COLUMNS
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.answers.published import round_place
from medmultipoints.transforms.records import ReleasedObject

ROWS_AT_ONCE: Final = 5_000
_OBJECT: Final = (*column_names("objects", "object"), "sample_id", "index")

Row = Mapping[str, Any]


class Pictures:
    """The pictures of a split with their objects, sorted by sample_id; every iteration reads them again."""

    def __init__(self, images: pl.DataFrame, objects: pl.DataFrame) -> None:
        self._images = images.sort("sample_id")
        known = images.select("sample_id")
        self._objects = (
            objects.select(_OBJECT).join(known, on="sample_id", how="semi").sort("sample_id", "label", "index")
        )
        if self._objects.height != objects.height:
            raise DataError("the objects table holds objects of no released image; verify the release.")

    def __len__(self) -> int:
        return self._images.height

    def __iter__(self) -> Iterator[Picture]:
        parts = self._objects.iter_slices(ROWS_AT_ONCE)
        pairs = (pair for part in parts for pair in zip(part["sample_id"], objects_of(part), strict=True))
        grouped = groupby(pairs, key=lambda pair: pair[0])
        sample_id, members = next(grouped, (None, iter(())))
        for image in self._images.iter_rows(named=True):
            found: tuple[ReleasedObject, ...] = ()
            if image["sample_id"] == sample_id:
                found = tuple(_checked(item) for _, item in members)
                sample_id, members = next(grouped, (None, iter(())))
            yield _picture(image, found)


def read_dialect_pictures(folder: Path, manifest: Manifest, split: str) -> Pictures:
    """Return the pictures of a split; DataError for objects without a picture."""
    return Pictures(*(read_parquet(folder, manifest, table, split) for table in ("images", "objects")))


def read_contents(folder: Path, manifest: Manifest, splits: tuple[str, ...]) -> Contents:
    """Return what all splits share, read from all of them, so that class numbers never depend on ``splits``."""
    images = read_parquet(folder, manifest, "images").select("labels_exhaustive", "licence")
    labels = {*read_parquet(folder, manifest, "data")["label"], *read_parquet(folder, manifest, "objects")["label"]}
    labels |= {label for certain in images["labels_exhaustive"] for label in certain}
    licences = tuple(sorted(set(images["licence"])))
    return Contents(manifest.name, manifest.version, tuple(sorted(labels)), licences, splits)


def read_items(folder: Path, manifest: Manifest, split: str) -> Iterator[Item]:
    """Yield the instructions of a split, sorted by id; DataError if the release lacks a record or picture of one."""
    images, records = (read_parquet(folder, manifest, table, split) for table in ("images", "data"))
    yield from make_items(read_all_instructions(folder, manifest, split), images, records)


def make_items(instructions: pl.DataFrame, images: pl.DataFrame, records: pl.DataFrame) -> Iterator[Item]:
    """Yield the instructions, sorted by id, with all image and record data that a dialect needs."""
    sizes, labels = images.select("image_file", "width", "height"), records.select("record_id", "label")
    requests, all_points = learn_template_requests(), records["points"]

    @lru_cache(1)  # a record with thousands of objects has thousands of instructions
    def points_of(record: int) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(round_place(point)) for point in all_points[record].to_list())

    for part in instructions.select(INSTRUCTION_COLUMNS).sort("instruction_id").iter_slices(ROWS_AT_ONCE):
        joined = part.join(sizes, on="image_file", how="left", maintain_order="left")
        joined = joined.join(labels.with_row_index("record"), on="record_id", how="left", maintain_order="left")
        for row in joined.iter_rows(named=True):
            if row["width"] is None or row["record"] is None:
                name = row["instruction_id"]
                raise DataError(f"instruction {name}: its picture or record is missing; verify the release.")
            yield _item(row, requests, points_of(row["record"]))


def learn_template_requests() -> Requests:
    """Return the format requests of the built-in templates."""
    templates = load_templates().by_task
    return learn_requests({task: [template.request for template in found] for task, found in templates.items()})


def _item(row: Row, requests: Requests, points: tuple[tuple[float, ...], ...]) -> Item:
    return Item(
        instruction_id=row["instruction_id"],
        record_id=row["record_id"],
        task=row["task"],
        prompt=split_prompt(row["task"], row["prompt"], requests),
        answer=row["answer"],
        image=row["image_file"],
        images=tuple(row["image_files"]),
        size=Size(row["width"], row["height"]),
        label=row["label"],
        points=points,
    )


def _picture(row: Row, objects: tuple[ReleasedObject, ...]) -> Picture:
    return Picture(
        sample_id=row["sample_id"],
        image_sha256=row["image_sha256"],
        extension=row["image_file"].rpartition(".")[2],
        source=row["source"],
        stem=row["stem"],
        size=Size(row["width"], row["height"]),
        original=Size(row["original_width"], row["original_height"]),
        organ=row["organ"],
        classification=row["classification"],
        licence=row["licence"],
        certain=tuple(sorted(row["labels_exhaustive"])),
        video_id=row["video_id"],
        frame_index=row["frame_index"],
        fps=row["fps"],
        modality=row.get("modality"),
        objects=objects,
    )


def _checked(found: ReleasedObject) -> ReleasedObject:
    if not all(map(math.isfinite, found.box)) or found.box.width <= 0 or found.box.height <= 0 or None in found.point:
        raise DataError(f"object {found.object_id}: no box or point that can be exported; verify the release.")
    return found
