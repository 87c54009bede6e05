"""The recipe ``audited`` on the real pairs releases every picture, boxes wrong only where known, every speck."""

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.transforms.audit.conventions import Convention, state_box
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.sources.pairs.box_entries import parse_box_json
from tests.acceptance.builds import audited_pairs, differing
from tests.acceptance.inputs import hyperkvasir, real_data

IMAGES = 120
ARCHIVE = "hyper-kvasir-segmented-images.zip"
BOX_FILE = "segmented-images/bounding-boxes.json"


def run(work: Path) -> dict[str, Any]:
    """Images, disagreements by two independent counts, and specks."""
    outcome = audited_pairs(work.parent)
    release, known = outcome.release.path, json.loads((real_data() / "known_anomalies.json").read_bytes())
    images = pl.read_parquet(release / "images/*.parquet", columns=["stem"])["stem"].to_list()
    assert len(images) == IMAGES, f"{len(images)} images are released, expected {IMAGES}"
    objects = pl.read_parquet(release / "objects/*.parquet")
    check_stems("boxes that differ by more than one pixel", disagreeing(objects), anomalous(known))
    specks = pl.read_parquet(release / "quarantine/specks.parquet")
    assert specks["reason"].to_list() == ["stray_pixel"] * specks.height, f"specks: {specks['reason'].to_list()}"
    check_stems("specks", stems(specks["sample_id"]), known["stray_pixel"])
    return {
        "images": len(images),
        "objects": objects.height,
        "images_that_disagree": len(anomalous(known)),
        "specks": specks.height,
        "manifest_root": outcome.release.manifest_root,
    }


def anomalous(known: Mapping[str, Any]) -> set[str]:
    """The images whose source boxes are wrong by more than one pixel."""
    return {*known["inflated_to_origin"], *known["phantom"]}


def check_stems(what: str, found: Iterable[str], expected: Iterable[str]) -> None:
    """Each expected image once, and no other."""
    found, expected = list(found), list(expected)
    assert sorted(found) == sorted(expected), f"{what}: {differing(expected, found)}, {len(found)} in all"


def disagreeing(objects: pl.DataFrame) -> list[str]:
    """The images where released boxes and source boxes are not the same within one pixel a side, counted here anew.

    Compared in the source's convention: at the border a grown box has no single inverse (``undo_convention``).
    """
    with zipfile.ZipFile(hyperkvasir() / ARCHIVE) as archive:
        entries, _ = parse_box_json("hyperkvasir", BOX_FILE, archive.read(BOX_FILE), {"polyp": "polyps"})
    derived: dict[str, list[Box]] = {}
    for sample_id, *edges in objects.select("sample_id", "x1", "y1", "x2", "y2").iter_rows():
        derived.setdefault(sample_id.partition("/")[2], []).append(state_box(Box(*edges), Convention(-1, -1, 0, 0)))
    return [stem for stem, entry in entries.items() if not agree([stated.box for stated in entry.boxes], derived[stem])]


def agree(stated: list[Box], derived: list[Box]) -> bool:
    """As many boxes, and each stated one beside a derived one of its own."""
    left = list(derived)
    for box in stated:
        match = next((other for other in left if side_distance(box, other) <= 1), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def side_distance(a: Box, b: Box) -> float:
    """The largest distance between corresponding sides, in pixels."""
    return max(abs(a.x1 - b.x1), abs(a.y1 - b.y1), abs(a.x2 - b.x2), abs(a.y2 - b.y2))


def stems(sample_ids: Iterable[str]) -> list[str]:
    """The part of each sample_id behind its source."""
    return [sample_id.partition("/")[2] for sample_id in sample_ids]
