"""Measure a search for near-duplicate hashes and print figures as JSON: ``python -m benchmarks.near KIND [ROWS]``.

Kinds: ``random`` (ROWS random hashes, default one million, 2 % of them copies with up to 4 changed bits), ``videos``
(20 videos of 1,500 frames, each frame 2 random bits from the centre of its video), ``stills`` (the same without video
ids), ``alike`` (the same with one centre for all videos), ``pictures`` (thumbnails of 30,000 frames of 20 videos,
searched whole, in windows and mirrored, then confirmed).
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import polars as pl

from medmultipoints.transforms.duplicates.all_pairs import Hashes, Numbers
from medmultipoints.transforms.duplicates.candidates import RADIUS
from medmultipoints.transforms.duplicates.hash_search import join_hashes
from medmultipoints.transforms.duplicates.near import find_near
from medmultipoints.transforms.pictures.thumbnails import pack

VIDEOS, FRAMES = 20, 1500
MILLION = 1_000_000
FLIPS = 4


def random_hashes(rows: int = MILLION, seed: int = 1) -> tuple[Hashes, Numbers]:
    """Return random hashes, each its own group; the last 2 % are near copies of others."""
    rng = np.random.default_rng(seed)
    count = rows // 50
    hashes = rng.integers(0, 2**64, rows, dtype=np.uint64)
    copies = hashes[rng.integers(0, rows - count, count)]
    for _ in range(FLIPS):
        copies ^= np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64)
    hashes[-count:] = copies
    return hashes, np.arange(rows)


def video_hashes(seed: int = 1, *, centres: int = VIDEOS) -> tuple[Hashes, Numbers]:
    """Return hashes of frames that differ from the centre of their video in two random bits."""
    rng = np.random.default_rng(seed)
    hashes = np.repeat(np.resize(rng.integers(0, 2**64, centres, dtype=np.uint64), VIDEOS), FRAMES)
    for _ in range(2):
        hashes ^= np.uint64(1) << rng.integers(0, 64, len(hashes)).astype(np.uint64)
    return hashes, np.repeat(np.arange(VIDEOS), FRAMES)


def stills() -> tuple[Hashes, Numbers]:
    """Return the same hashes, each its own group."""
    hashes, groups = video_hashes()
    return hashes, np.arange(len(groups))


def frames(seed: int = 1) -> pl.DataFrame:
    """Return thumbnails of videos: a still scene, some moving blobs, noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for video in range(VIDEOS):
        scene = rng.integers(60, 180, (4, 4)).repeat(8, axis=0).repeat(8, axis=1)
        for frame in range(FRAMES):
            small = scene + rng.integers(-3, 4, (32, 32))
            for x, y in rng.integers(0, 29, (6, 2)):
                small[y : y + 3, x : x + 3] -= 50
            rows.append((f"{video:02}/{frame:04}", f"{video:02}", pack(small.astype(np.uint8))))
    return pl.DataFrame(rows, schema=["sample_id", "group_id", "thumbnail"], orient="row")


HASHES: dict[str, Callable[[], tuple[Hashes, Numbers]]] = {
    "videos": video_hashes,
    "stills": stills,
    "alike": lambda: video_hashes(centres=1),
}


def main(kind: str, rows: int = MILLION) -> dict[str, Any]:
    """Return the figures of one search, without the time to make its input."""
    if kind == "pictures":
        table = frames()
        start, used = time.perf_counter(), time.process_time()
        search = find_near(table)
        count, pairs, method = table.height, search.pairs.height, search.method
    else:
        hashes, groups = random_hashes(rows) if kind == "random" else HASHES[kind]()
        start, used = time.perf_counter(), time.process_time()
        found = join_hashes(hashes, groups, hashes, groups, RADIUS, itself=True)
        count, pairs, method = len(hashes), len(found.query), found.method
    seconds = {"seconds": round(time.perf_counter() - start, 2), "cpu_seconds": round(time.process_time() - used, 2)}
    seconds["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 10**6
    return {"kind": kind, "rows": count, "pairs": pairs, "method": method, "radius": RADIUS, **seconds}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))) + b"\n")
