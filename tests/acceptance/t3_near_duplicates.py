"""Near-duplicates: the three known real pairs and no other; planted ones with recall; time and memory of the search."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from benchmarks.measure import run_measured
from benchmarks.near import FRAMES, MILLION, VIDEOS
from medmultipoints.transforms.duplicates.near import choose_threshold, count_distances, find_near
from tests.acceptance.builds import audited_pairs
from tests.acceptance.inputs import ROOT, real_data, small
from tests.acceptance.planted import CHANGES, Change, Pixels, mixture, real_pictures, table, thumbnails

MARK = "#"
MOST_CROPS = (0.03, 0.05, 0.08)
KINDS = ("videos", "stills", "alike", "pictures")

Pair = tuple[str, str]


def run(work: Path) -> dict[str, Any]:
    """Known pairs, planted pairs, benchmarks."""
    known = known_pairs()
    return {
        "real": check_real(work, known),
        "planted": check_planted(known),
        "search": {kind: measure(kind) for kind in (*KINDS, *(() if small() else ("random",)))},
    }


def known_pairs() -> set[Pair]:
    """The near-duplicates among the 120 real pictures, by stem."""
    known = json.loads((real_data() / "known_anomalies.json").read_bytes())["near_duplicate"]
    return {(min(pair), max(pair)) for pair in known}


def check_real(work: Path, known: set[Pair]) -> dict[str, Any]:
    """A build of the real pictures names the known pairs, keeps each in one split and prints its histogram."""
    outcome = audited_pairs(work.parent)
    near, histogram = outcome.table("near_duplicates"), outcome.table("near_distances")
    found = {(stem(one), stem(other)) for one, other in near.select("sample_id", "other_id").iter_rows()}
    assert found == known, f"missing {known - found}, too much {found - known}"
    split = {stem(name): split for name, split in outcome.table("splits").select("sample_id", "split").iter_rows()}
    assert all(split[one] == split[other] for one, other in known), "a known pair is divided"
    return {
        "pairs": len(found),
        "false_pairs": 0,
        "threshold": int(histogram["near"].sum()) / 100,
        "distances": {f"{least:.2f}": pairs for least, pairs, _ in histogram.iter_rows() if pairs},
    }


def stem(sample_id: str) -> str:
    """The name of an image in its source."""
    return sample_id.partition("/")[2]


def check_planted(known: set[Pair]) -> dict[str, Any]:
    """Recall and false pairs of each change, at the threshold that the histogram of that corpus gives.

    Small crops, flips, and everything that leaves the picture whole must be found without exception.
    """
    pictures = real_pictures()
    if small():
        pictures = dict(list(pictures.items())[:30])
    own = thumbnails(pictures)
    changes: dict[str, Change] = dict(CHANGES)
    changes |= {f"all at once, cropped by 0 to {most:.0%} a side": mixture(7, most) for most in MOST_CROPS}
    found = {name: plant(pictures, own, change, known) for name, change in changes.items()}
    for name, figures in found.items():
        assert figures["false_pairs"] == 0, f"{name}: {figures}"
        assert figures["recall"] >= (0.9 if "8%" in name else 0.99), f"{name}: {figures}"
    return found


def plant(pictures: dict[str, Pixels], own: list[dict[str, Any]], change: Change, known: set[Pair]) -> dict[str, float]:
    """The figures of one corpus: every picture and its changed copy."""
    changed = thumbnails({f"{name}{MARK}": change(pixels) for name, pixels in pictures.items()})
    pairs = find_near(table(own, changed)).pairs
    threshold = choose_threshold(count_distances(pairs))
    near = set(pairs.filter(pl.col("distance") < threshold).select("sample_id", "other_id").iter_rows())
    true = {(name, f"{name}{MARK}") for name in pictures}
    kin = {pair for pair in near if is_known(pair, known)}
    return {
        "recall": round(len(near & true) / len(true), 4),
        "false_pairs": len(near - true - kin),
        "threshold": threshold,
    }


def is_known(pair: Iterable[str], known: set[Pair]) -> bool:
    """Whether the two, or their originals, are a known real pair."""
    one, other = sorted(name.removesuffix(MARK) for name in pair)
    return (one, other) in known


def measure(kind: str) -> dict[str, Any]:
    """One search in a process of its own; what it must find is asserted."""
    ran = run_measured([sys.executable, "-m", "benchmarks.near", kind], ROOT, os.environ | {"PYTHONPATH": str(ROOT)})
    found: dict[str, Any] = orjson.loads(ran.output)
    assert found["rows"] == (MILLION if kind == "random" else VIDEOS * FRAMES)
    if kind == "videos":
        assert found["pairs"] == 0, "frames of one video were compared with each other"
    if kind == "random":
        copies = MILLION // 50
        assert copies <= found["pairs"] <= 1.05 * copies, f"{found['pairs']} pairs of {copies} copies"
    assert found["seconds"] < 300, f"{kind}: {found['seconds']} s"
    return found | {"peak_mb": round(ran.peak_bytes / 1e6)}
