"""The published recipe on the real pairs gives the values that the published data set holds."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.transforms.compose.records import Composed, compose_records
from medmultipoints.transforms.regions.boxes import published_scale, released_size, round_to_tenths

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
Rows = list[dict[str, Any]]
LABELS = {"polyps": "polyps"}


def test_the_published_items_of_the_real_pairs_are_reproduced(real: Path, make_table: MakeTable) -> None:
    """Boxes exactly, points as the published text rounds them, counts, and the hash of the source's bytes."""
    lines = (real / "medmultipoints" / "published_items.jsonl").read_text("utf-8").splitlines()
    items = [item for item in map(json.loads, lines) if item.get("hyperkvasir_id")]
    records = {row["image_sha256"]: row for row in compose_real(real, make_table, items).records.rows(named=True)}
    assert len(items) == 23
    for item in items:
        row, truth = records[item["image_sha256"]], item["gt"]
        objects = truth if isinstance(truth, list) else [truth]
        assert row["sample_id"] == f"hyperkvasir/{item['hyperkvasir_id']}"
        assert row["count"] == (truth["counts"] if "counts" in truth else len(objects))
        if "bbox_2d" in objects[0]:
            boxes = truth["bbox_2d"] if isinstance(truth, dict) else [found["bbox_2d"] for found in objects]
            assert row["bbox"] == boxes
        if "point_2d" in objects[0]:
            points = truth["point_2d"] if isinstance(truth, dict) else [found["point_2d"] for found in objects]
            assert round_to_tenths(row["points"]) == points


def compose_real(real: Path, make_table: MakeTable, items: Rows) -> Composed:
    tables: dict[str, Rows] = {"samples": [], "images": [], "regions": [], "splits": []}
    with zipfile.ZipFile(real / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip") as archive:
        entries = json.loads(archive.read("segmented-images/bounding-boxes.json"))
        for stem in {item["hyperkvasir_id"] for item in items}:
            own, size = {"sample_id": f"hyperkvasir/{stem}"}, (entries[stem]["width"], entries[stem]["height"])
            sha256 = hashlib.sha256(archive.read(f"segmented-images/images/{stem}.jpg")).hexdigest()
            released = dict(zip(("width", "height"), released_size(*size, 700), strict=True))
            original = dict(zip(("original_width", "original_height"), size, strict=True))
            scale = {"scale": published_scale(*size, 700)}
            tables["samples"].append(own)
            tables["images"].append(own | {"image_sha256": sha256} | scale | released | original)
            tables["splits"].append(own | {"group_id": f"image:{own['sample_id']}", "split": "train"})
            for index, box in enumerate(entries[stem]["bbox"]):
                edges = dict(zip(("x1", "y1", "x2", "y2"), map(float, list(box.values())[1:]), strict=True))
                tables["regions"].append(own | {"evidence": "source", "index": index} | edges)
    samples, images, regions, splits = (make_table(name, rows) for name, rows in tables.items())
    return compose_records(
        samples, images, regions, splits, make_table("duplicates", []),
        policy="published", labels=LABELS, licences={"hyperkvasir": "CC BY 4.0"},
    )  # fmt: skip
