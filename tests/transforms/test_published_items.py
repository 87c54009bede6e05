"""The published recipe on the real annotations gives the values that the published dataset holds."""

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from medmultipoints.transforms.compose.records import compose_records
from medmultipoints.transforms.instructions.answers.published import round_place
from medmultipoints.transforms.records import SIDES
from medmultipoints.transforms.regions.boxes import published_scale, released_size

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
Rows = list[dict[str, Any]]
LABELS = {"polyps": "polyps", "instrument": "instruments"}


@pytest.fixture(scope="module")
def entries(real: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """By published image_sha256: sample_id and entry of the source's JSON, of each image that is at hand."""
    instruments = json.loads((real / "kvasir-instrument" / "bboxes.json").read_bytes())
    ids = json.loads((real / "medmultipoints" / "instrument_ids.json").read_bytes())
    found = {
        one["image_sha256"]: (f"kvasir_instrument/{one['source_id']}", instruments[one["source_id"]]) for one in ids
    }
    with zipfile.ZipFile(real / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip") as archive:
        for stem, entry in json.loads(archive.read("segmented-images/bounding-boxes.json")).items():
            sha256 = hashlib.sha256(archive.read(f"segmented-images/images/{stem}.jpg")).hexdigest()
            found[sha256] = (f"hyperkvasir/{stem}", entry)
    return found


def test_the_published_items_are_reproduced(
    real: Path, make_table: MakeTable, entries: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    """Boxes exactly, points as the published text rounds them, counts, and the hash of the source's bytes."""
    lines = (real / "medmultipoints" / "published_items.jsonl").read_text("utf-8").splitlines()
    items = [item for item in map(json.loads, lines) if item["image_sha256"] in entries]
    records = {row["image_sha256"]: row for row in compose_published(make_table, entries).rows(named=True)}
    seen: Counter[str] = Counter()
    for item in items:
        row, truth = records[item["image_sha256"]], item["gt"]
        objects = truth if isinstance(truth, list) else [truth]
        assert row["count"] == (truth["counts"] if "counts" in truth else len(objects))
        if "bbox_2d" in objects[0]:
            boxes = truth["bbox_2d"] if isinstance(truth, dict) else [found["bbox_2d"] for found in objects]
            assert row["bbox"] == boxes
        if "point_2d" in objects[0]:
            points = truth["point_2d"] if isinstance(truth, dict) else [found["point_2d"] for found in objects]
            assert [round_place(point) for point in row["points"]] == points
        seen.update(["items", *({"bbox_2d", "point_2d", "counts"} & objects[0].keys())])
    assert seen == {"items": 30, "bbox_2d": 10, "point_2d": 12, "counts": 22}


def test_the_product_is_taken_in_float64(make_table: MakeTable) -> None:
    """A published instrument box; float32 x float32 gives other last digits."""
    published = [398.3072814941406, 392.8385314941406, 555.078125, 515.8854370117188]
    box = dict(zip(("label", "xmin", "ymin", "xmax", "ymax"), ("instrument", 437, 431, 609, 566), strict=True))
    entry = {"width": 768, "height": 576, "bbox": [box]}
    records = compose_published(make_table, {"ab": ("kvasir_instrument/a", entry)})
    assert records["bbox"].to_list() == [[published]]
    in_float32 = np.array([437, 431, 609, 566], np.float32) * np.float32(700 / 768)
    assert not np.array_equal(published, in_float32)


def compose_published(make_table: MakeTable, entries: Mapping[str, tuple[str, dict[str, Any]]]) -> pl.DataFrame:
    """The records that the published recipe makes of these entries."""
    tables: dict[str, Rows] = {"samples": [], "images": [], "regions": [], "splits": []}
    for sha256, (sample_id, entry) in entries.items():
        own, size = {"sample_id": sample_id}, (entry["width"], entry["height"])
        released = dict(zip(("width", "height"), released_size(*size, 700), strict=True))
        original = dict(zip(("original_width", "original_height"), size, strict=True))
        scale = {"scale": published_scale(*size, 700)}
        tables["samples"].append(own)
        tables["images"].append(own | {"image_sha256": sha256} | scale | released | original)
        tables["splits"].append(own | {"group_id": f"image:{sample_id}", "split": "train"})
        label = "polyps" if sample_id.startswith("hyperkvasir") else "instrument"
        for index, box in enumerate(entry["bbox"]):
            edges = dict(zip(SIDES, map(float, list(box.values())[1:]), strict=True))
            tables["regions"].append(own | {"evidence": "source", "label": label, "index": index} | edges)
    samples, images, regions, splits = (make_table(name, rows) for name, rows in tables.items())
    licences = dict.fromkeys(("hyperkvasir", "kvasir_instrument"), "CC BY 4.0")
    return compose_records(
        samples, images, regions, splits, make_table("duplicates", []),
        policy="published", labels=LABELS, licences=licences,
        corrections=make_table("corrections", []), left_out=make_table("exclusions", []),
    ).records  # fmt: skip
