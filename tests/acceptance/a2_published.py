"""The recipe ``published`` on the real pairs reproduces every published value: hashes, boxes, points, counts."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medmultipoints.transforms.regions.boxes import published_scale
from medmultipoints.transforms.sources.pairs.box_entries import BoxEntry, parse_box_json
from tests.acceptance.builds import build
from tests.acceptance.inputs import hyperkvasir, real_data

MAX_SIDE = 700
POLYP_ITEMS = 23
COLUMNS = ["image_sha256", "sample_id", "bbox", "points", "count"]


def run(work: Path) -> dict[str, Any]:
    """Every item with a ``hyperkvasir_id`` from the released Parquet, instruments from ``bboxes.json`` alone."""
    outcome = build("published", work / "lake", {"hyperkvasir": hyperkvasir()})
    records = pl.read_parquet(outcome.release.path / "data/*.parquet", columns=COLUMNS)
    items = published_items()
    polyps = check_polyps(items, {row["image_sha256"]: row for row in records.iter_rows(named=True)})
    instruments = check_instruments(items)
    return {
        "records": records.height,
        **{f"polyp_{name}": number for name, number in polyps.items()},
        **{f"instrument_{name}": number for name, number in instruments.items()},
        "manifest_root": outcome.release.manifest_root,
    }


def published_items() -> list[dict[str, Any]]:
    """The items of the published test set."""
    text = (real_data() / "medmultipoints" / "published_items.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def check_polyps(items: Iterable[Mapping[str, Any]], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Items, boxes and points that are equal; AssertionError for the first that is not."""
    wanted = [item for item in items if item.get("hyperkvasir_id")]
    assert len(wanted) == POLYP_ITEMS, f"{len(wanted)} published items with a hyperkvasir_id, expected {POLYP_ITEMS}"
    for item in wanted:
        row = rows.get(item["image_sha256"])
        assert row is not None, f"no released record has image_sha256 {item['image_sha256']}"
        expected = f"hyperkvasir/{item['hyperkvasir_id']}"
        assert row["sample_id"] == expected, f"{item['image_sha256']} is {row['sample_id']}, published as {expected}"
        check_item(item, row["bbox"], row["points"], row["count"])
    return tally(wanted)


def check_instruments(items: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The same for instruments, whose images are not at hand: by arithmetic of its own."""
    ids = {row["image_sha256"]: row["source_id"] for row in json.loads(_real("medmultipoints/instrument_ids.json"))}
    entries, problems = parse_box_json(
        "kvasir_instrument", "bboxes.json", _real("kvasir-instrument/bboxes.json"), {"instrument": "instrument"}
    )
    assert not problems, f"bboxes.json has unsound entries: {sorted(problems)[:3]}"
    wanted = [item for item in items if item["image_sha256"] in ids]
    assert wanted, "no published item is about an image of instrument_ids.json"
    for item in wanted:
        check_item(item, *published_values(entries[ids[item["image_sha256"]]]))
    return tally(wanted) | {"images_known": len(ids)}


def published_values(entry: BoxEntry) -> tuple[list[list[float]], list[list[float]], int]:
    """Boxes, points and count of the published row of one entry."""
    boxes = [stated.box for stated in entry.boxes]
    scale = published_scale(entry.width, entry.height, MAX_SIDE)
    return float32_rows(boxes, scale), float32_rows([box.centre for box in boxes], scale), len(boxes)


def float32_rows(rows: Iterable[Iterable[float]], scale: float) -> list[list[float]]:
    """Products taken in float64 and cast to float32, as the published dataset has them."""
    return [[float(np.float32(value * scale)) for value in row] for row in rows]


def check_item(item: Mapping[str, Any], boxes: Any, points: Any, count: int) -> None:
    """Boxes exactly (float32), points to 0.1 as the published text prints them, and the count."""
    about = f"{item['image_sha256']} ({item['task']})"
    stated = values(item)
    assert count == stated["count"], f"{about}: count {count}, published {stated['count']}"
    if "bbox_2d" in stated:
        assert boxes == stated["bbox_2d"], f"{about}: boxes {boxes}, published {stated['bbox_2d']}"
    if "point_2d" in stated:
        rounded = [[round(value, 1) for value in point] for point in points]
        assert rounded == stated["point_2d"], f"{about}: points {rounded}, published {stated['point_2d']}"


def values(item: Mapping[str, Any]) -> dict[str, Any]:
    """What an item states: one mapping with lists, or a list with one mapping an object."""
    truth = item["gt"]
    if isinstance(truth, list):
        lists = {key: [entry[key] for entry in truth] for key in ("bbox_2d", "point_2d") if key in truth[0]}
        return lists | {"count": len(truth)}
    return {key: truth[key] for key in ("bbox_2d", "point_2d") if key in truth} | {"count": truth["counts"]}


def tally(items: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many items, images, boxes and points were compared."""
    stated = [(item["image_sha256"], values(item)) for item in items]
    return {
        "items_equal": len(stated),
        "images": len({sha256 for sha256, _ in stated}),
        "boxes": sum(len(found.get("bbox_2d", ())) for _, found in stated),
        "points": sum(len(found.get("point_2d", ())) for _, found in stated),
    }


def _real(name: str) -> bytes:
    return (real_data() / name).read_bytes()
