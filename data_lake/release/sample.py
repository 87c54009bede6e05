"""A few rows of a release with their pictures, drawn by their ids, to be read with one's own eyes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from data_lake.release.files import image_extension
from data_lake.release.manifest import Manifest, read_manifest
from data_lake.release.read import own_file, read_all_instructions, read_parquet, readable, splits_of, table_files
from transforms.crops import Crop, read_crop
from transforms.errors import DataError, UsageError
from transforms.instructions.tasks import TASKS
from transforms.scoring.found_json import NoAnswer, find_value
from transforms.scoring.items import Answer, Places, Truth, parts_of
from transforms.scoring.tolerant_parsing import read_tolerant

_MIME = {"jpg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One instruction with its picture.

    ``stated`` is what its answer says, read back from its text; ``boxes`` what the record holds, for comparison, in the
    published tasks. ``images`` are all that the question shows; ``picture`` is the one of the record, of which
    ``crops`` are pieces.
    All in pixels of the released picture.
    """

    instruction_id: str
    task: str
    label: str
    split: str
    prompt: str
    answer: str
    image_file: str
    width: int
    height: int
    picture: bytes
    mime: str
    stated: Answer
    boxes: Places
    images: tuple[str, ...]

    @property
    def place(self) -> int:
        """Which of the question's images the picture is, from 1."""
        return self.images.index(self.image_file) + 1

    @property
    def crops(self) -> tuple[tuple[int, Crop], ...]:
        """Which of the question's images, from 1, are pieces of the picture."""
        found = ((place, read_crop(path)) for place, path in enumerate(self.images, 1))
        return tuple((place, crop) for place, crop in found if crop)


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a release, and how many there were to choose from."""

    release: str
    root: str
    rows: tuple[SampledRow, ...]
    of: int


def sample_release(
    folder: Path, number: int, *, task: str | None = None, split: str | None = None, seed: int = 0
) -> Sample:
    """``number`` instructions of a task (or of all) and a split (or of all), sorted by id.

    Which ones is decided by sha256 of seed and id: another row in the release replaces at most one. UsageError for
    a task or split that the release does not have.
    """
    manifest = read_manifest(folder)
    if split is not None and split not in splits_of(manifest):
        raise UsageError(f"--split {split}: the release has no such split; it has {', '.join(splits_of(manifest))}.")
    rows = read_all_instructions(folder, manifest, split)
    tasks = sorted(rows["task"].unique())
    if task is not None and task not in tasks:
        raise UsageError(f"--task {task}: the release has no such task; it has {', '.join(tasks) or 'none'}.")
    wanted = rows if task is None else rows.filter(pl.col("task") == task)
    drawn = sorted(wanted["instruction_id"], key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    chosen = wanted.filter(pl.col("instruction_id").is_in(drawn[:number])).sort("instruction_id")
    records = _records(folder, manifest, split, chosen)
    found = tuple(_row(row, records[row["record_id"]]) for row in chosen.iter_rows(named=True))
    return Sample(f"{manifest.name} {manifest.version}", manifest.manifest_root, found, wanted.height)


def _records(folder: Path, manifest: Manifest, split: str | None, chosen: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """The chosen records with their pictures; only the row groups that hold one are read with pictures."""
    ids = set(chosen["record_id"])
    table = read_parquet(folder, manifest, "data", split).filter(pl.col("record_id").is_in(sorted(ids)))
    records = {row["record_id"]: row for row in table.iter_rows(named=True)}
    for record_id in sorted(ids - set(records)):
        raise DataError(f"instructions of record {record_id}: no such record. Run `medmultipoints verify`.")
    for path in table_files(manifest, "data", split):
        for record_id, picture in _pictures(own_file(folder, manifest, path), ids):
            records[record_id] |= {"picture": picture}
    return records


def _pictures(path: Path, ids: set[str]) -> Iterator[tuple[str, bytes]]:
    with readable(path) as file:
        for group in range(file.num_row_groups):
            names = file.read_row_group(group, columns=["record_id"])["record_id"].to_pylist()
            if not ids.isdisjoint(names):
                images = file.read_row_group(group, columns=["image"])["image"]
                yield from ((name, images[place]["bytes"].as_py()) for place, name in enumerate(names) if name in ids)


def _row(row: Mapping[str, Any], record: Mapping[str, Any]) -> SampledRow:
    width, height = record["img_size"]
    answer = drawable(row["answer"])
    parts = parts_of(row["task"], _value(answer))
    asked = Truth(row["instruction_id"], row["task"], parts, 0, image_size=(width, height))
    copied = {name: row[name] for name in ("instruction_id", "task", "split", "prompt", "answer", "image_file")}
    return SampledRow(
        **copied,
        label=record["label"],
        width=width,
        height=height,
        picture=record["picture"],
        mime=_MIME[image_extension(record["picture"]) or "png"],
        stated=read_tolerant(asked, answer) if parts else Answer(),
        boxes=tuple(tuple(map(float, box)) for box in record["bbox"]) if row["task"] in TASKS else (),
        images=tuple(row["image_files"]),
    )


def drawable(answer: str) -> str:
    """The answer; of a description only the regions that it speaks of."""
    value = _value(answer)
    regions = value.get("regions") if isinstance(value, dict) else None
    return orjson.dumps(regions).decode() if regions else answer


def _value(answer: str) -> Any:
    try:
        return find_value(answer)
    except NoAnswer:
        return None
