"""Build corpora of different pictures at growing sizes: ``python -m benchmarks.growth FOLDER SIZE…``.

Each size is built in a process of its own, in threads and without Prefect, one after the other in the given order.
One line of JSON for each: processor seconds (all, and milliseconds an image), the largest memory of the process and its
children, files and receipts of the lake, memory after and seconds of each stage. Corpora stay in
FOLDER and are made once.
"""

import argparse
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson

from benchmarks.measure import run_measured
from benchmarks.rounds import ROOT, fresh
from medmultipoints.transforms.sources.builtin.findings import CLASSES
from medmultipoints.transforms.sources.simulated.hyperkvasir import (
    HYPERKVASIR,
    LABEL_TABLE,
    SEGMENTED_ZIP,
    encode_label_table,
    make_stems,
)
from medmultipoints.transforms.sources.simulated.image_mask_pairs import box_entry, encode_annotation
from medmultipoints.transforms.sources.simulated.images import Pixels, encode_lossy_mask, encode_picture, stored_boxes
from medmultipoints.transforms.sources.simulated.members import generator

SEED = 20261130
WIDTH, HEIGHT, CELL = 480, 360, 30
QUALITY = 75
AT_ONCE = 500
RECIPE = """
name = "growth"
version = "1.0.0"
title = "Simulated pictures in growing number"
seed = 7

[sources.hyperkvasir]

[boxes]
policy = "audited"
"""

Pair = tuple[str, bytes, bytes, list[tuple[int, int, int, int]]]
"""Stem, picture, mask, boxes."""


def draw_pair(stem: str) -> Pair:
    """Return a picture of coloured noise with one ellipse, and its mask: no two pictures are near-duplicates."""
    rng = generator(SEED, "growth", stem)
    mask: Pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    centre = (int(rng.integers(WIDTH // 4, 3 * WIDTH // 4)), int(rng.integers(HEIGHT // 4, 3 * HEIGHT // 4)))
    axes = (int(rng.integers(15, WIDTH // 5)), int(rng.integers(15, HEIGHT // 5)))
    cv2.ellipse(mask, centre, axes, float(rng.integers(180)), 0, 360, 255, -1)
    coarse = rng.integers(30, 226, (HEIGHT // CELL, WIDTH // CELL, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    picture[mask > 0] = picture[mask > 0] // 2 + np.array([100, 60, 47], np.uint8)
    grain = rng.integers(0, 8, (HEIGHT, WIDTH, 1), dtype=np.uint8)
    return (
        stem,
        encode_picture(cv2.add(picture, np.repeat(grain, 3, 2)), QUALITY),
        encode_lossy_mask(mask),
        stored_boxes(mask),
    )


def draw_pairs(stems: Sequence[str]) -> list[Pair]:
    """Return the pairs of some stems, in another process."""
    return [draw_pair(stem) for stem in stems]


def make_corpus(folder: Path, images: int) -> Path:
    """Return the folder of a source of that many pictures, made once; a larger corpus begins with the same pictures."""
    target = folder / f"pictures-{images}"
    if not target.exists():
        partial = fresh(folder / f"pictures-{images}.partial")
        stems = make_stems(SEED, "growth", images)
        parts = [stems[first : first + AT_ONCE] for first in range(0, images, AT_ONCE)]
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            entries = write_pairs(partial / SEGMENTED_ZIP, pool.map(draw_pairs, parts))
        finding = next(item for item in CLASSES if item.finding == "polyps")
        (partial / LABEL_TABLE).write_bytes(encode_label_table(dict.fromkeys(entries, finding)))
        partial.rename(target)
    return target


def write_pairs(path: Path, parts: Iterable[list[Pair]]) -> dict[str, dict[str, Any]]:
    """Write the archive and return its annotation entries by stem; the pairs of one part are in memory."""
    entries: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for part in parts:
            for stem, picture, mask, found in part:
                archive.writestr(HYPERKVASIR.image(stem), picture)
                archive.writestr(HYPERKVASIR.mask(stem), mask)
                stated = [box_entry(HYPERKVASIR.label, box) for box in found]
                entries[stem] = {"height": HEIGHT, "width": WIDTH, "bbox": stated}
        archive.writestr(HYPERKVASIR.annotation, encode_annotation(entries))
    return entries


def build(folder: Path, images: int, workers: int) -> dict[str, Any]:
    """Return the figures of one build into an empty lake, which is removed."""
    source, lake = make_corpus(folder, images), fresh(folder / "lake")
    recipe = lake / "growth.toml"
    recipe.write_text(RECIPE)
    command = [sys.executable, "-m", "benchmarks.pipeline", str(recipe), str(lake / "lake"), str(workers)]
    run = run_measured([*command, f"hyperkvasir={source}"], ROOT)
    told = orjson.loads(run.output.splitlines()[-1])
    stored = [path for path in lake.rglob("*") if path.is_file()]
    receipts = sum("receipts" in path.parts for path in stored)
    on_disk = sum({status.st_ino: status.st_size for status in (path.stat() for path in stored)}.values())
    shutil.rmtree(lake)
    return {
        "images": images,
        "near_pairs": next(stage["rows"] for stage in told["stages"] if stage["name"] == "near"),
        "processor_seconds": round(run.cpu_seconds, 1),
        "processor_ms_per_image": round(1000 * run.cpu_seconds / images, 2),
        "seconds": round(run.seconds, 1),
        "peak_mb": round(run.peak_bytes / 1e6),
        "files": len(stored),
        "receipts": receipts,
        "gigabytes": round(on_disk / 1e9, 2),
        "peak_mb_after": told["peak_mb_after"],
        "stages": {stage["name"]: stage["seconds"] for stage in told["stages"]},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Build each size and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the corpora and of the lake")
    parser.add_argument("sizes", type=int, nargs="+", help="numbers of pictures")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="threads (default: cores)")
    parser.add_argument("--only-make", action="store_true", help="make the corpora, build nothing")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for images in options.sizes:
        if options.only_make:
            print(make_corpus(folder, images), flush=True)
        else:
            print(orjson.dumps(build(folder, images, options.workers)).decode(), flush=True)


if __name__ == "__main__":
    main()
