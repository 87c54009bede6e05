"""``load_dataset`` gives the release back row by row, pictures included, and each path of an export opens."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import orjson
from PIL import Image as Picture

from medmultipoints.data_lake.release.export.plain import export_release
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.transforms.pictures.crops import read_crop
from medmultipoints.transforms.pictures.decode import decode_image
from tests.acceptance.builds import audited_pairs, build
from tests.acceptance.inputs import hyperkvasir

CONFIGS = {"records": ("records", "record_id"), "images": ("released_images", "sample_id")} | {
    "objects": ("objects", "object_id")
}
"""The table of the lake behind each config, and its key."""


def run(work: Path) -> dict[str, Any]:
    """The real pairs under both policies (one with resized pictures), and simulated sources with tracks."""
    with patch.dict(os.environ, {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}):  # for the scripts after this one
        return compare(work)


def compare(work: Path) -> dict[str, Any]:
    """The figures of all recipes."""
    sizes = SimulatedSizes(polyps=20, instruments=20, videos=2, frames=30)
    simulated = write_sources(work / "sources", seed=9, sizes=sizes).paths
    outcomes = {
        "published": build("published", work / "lake-published", {"hyperkvasir": hyperkvasir()}),
        "audited": audited_pairs(work.parent),
        "demo": build("demo", work / "lake-demo", simulated),
    }
    figures = {}
    for recipe, outcome in outcomes.items():
        figures[recipe] = check_configs(outcome, work / "cache") | check_export(outcome, work / f"export-{recipe}")
    totals = {name: sum(found[name] for found in figures.values()) for name in next(iter(figures.values()))}
    return totals | {"by_recipe": figures}


def check_configs(outcome: Outcome, cache: Path) -> dict[str, int]:
    """Every row of every config equals the row of the lake's table, every column; AssertionError otherwise."""
    from datasets import Image, disable_progress_bars, load_dataset

    disable_progress_bars()
    compared = {}
    for config, (table, key) in CONFIGS.items():
        loaded = load_dataset(str(outcome.release.path), config, cache_dir=str(cache))
        rows = {row[key]: row for row in outcome.table(table).iter_rows(named=True)}
        for split, part in loaded.items():
            if config == "records":
                assert isinstance(part.features["image"], Image), f"image is {part.features['image']}"
                check_pictures(part)
                part = part.remove_columns("image")
            for row in part:
                check_row(row, rows.pop(row[key], None), f"{config}/{split} {row[key]}")
        assert not rows, f"{config}: {len(rows)} rows of the table are not loaded, for example {next(iter(rows))}"
        compared[f"{config}_equal"] = sum(part.num_rows for part in loaded.values())
    return compared


def check_row(loaded: Mapping[str, Any], row: Mapping[str, Any] | None, about: str) -> None:
    """The same columns in the same order, with the same values."""
    assert row is not None, f"{about}: no such row in the table"
    assert list(loaded) == list(row), f"{about}: columns {list(loaded)}, the table has {list(row)}"
    for name, value in row.items():
        assert loaded[name] == value, f"{about}: {name} is {loaded[name]!r}, in the table {value!r}"


def check_pictures(part: Any) -> None:
    """Each picture decodes to the stated size, and its bytes hash to ``stored_sha256``."""
    from datasets import Image

    raw = part.cast_column("image", Image(decode=False))
    for row, stored in zip(part, raw, strict=True):
        found = hashlib.sha256(stored["image"]["bytes"]).hexdigest()
        assert found == row["stored_sha256"], f"{row['record_id']}: bytes hash to {found}"
        assert stored["image"]["path"].startswith(row["image_sha256"]), f"{row['record_id']}: {stored['image']['path']}"
        assert isinstance(row["image"], Picture.Image), f"{row['record_id']}: image is {type(row['image'])}"
        row["image"].load()
        assert list(row["image"].size) == row["img_size"], f"{row['record_id']}: {row['image'].size}"


def check_export(outcome: Outcome, folder: Path) -> dict[str, int]:
    """Each path of each exported line opens to the very bytes of the release, a crop to the very pixels."""
    report = export_release(outcome.release.path, folder)
    stored = dict(outcome.table("released_images").select("image_file", "stored_sha256").iter_rows())
    lines = list(exported_paths(folder))
    for path in sorted(set(lines) & set(stored)):
        data = (folder / path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == stored[path], f"{path}: other bytes than in the release"
        with Picture.open(io.BytesIO(data)) as picture:
            picture.load()
    assert set(lines) >= set(stored), f"{len(set(stored) - set(lines))} released images are in no exported line"
    check_crops(folder, set(lines) - set(stored), stored)
    records, asked = outcome.table("records").height, outcome.table("instructions")
    instructions, pictures = asked.height, int(asked["image_files"].list.len().sum())
    assert (report.records, report.instructions) == (records, instructions), f"exported {report}"
    assert len(lines) == records + pictures, f"{len(lines)} paths, expected {records + pictures}"
    return {"exported_lines": len(lines), "exported_pictures_opened": len(set(lines))}


def check_crops(folder: Path, crops: Iterable[str], images: Iterable[str]) -> None:
    """Each crop holds the pixels of its image that its path names."""
    of = {Path(path).stem: folder / path for path in images}
    for path in sorted(crops):
        crop = read_crop(path)
        assert crop is not None, f"{path}: no image of the release"
        whole, cut = (decode_image(file.read_bytes()).pixels for file in (of[crop.image_sha256], folder / path))
        assert np.array_equal(cut, whole[crop.y1 : crop.y2, crop.x1 : crop.x2]), f"{path}: other pixels than its image"


def exported_paths(folder: Path) -> Iterator[str]:
    """The picture of each line of each JSONL file."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            row = orjson.loads(line)
            yield from row.get("images") or [row["image"]]
