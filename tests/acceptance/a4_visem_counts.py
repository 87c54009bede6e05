"""Simulated VISEM-Tracking with the real counts at full size: each count per frame, video and class comes out."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from tests.acceptance.builds import build_apart
from tests.acceptance.inputs import real_data, small

FRAMES, LABEL_FILES, BOXES = 29_370, 29_196, 656_335
TRACKS = {"normal": 1121, "cluster": 20, "pinhead": 35}
COLUMNS = {"sperm_count": "normal", "cluster_count": "cluster", "small_or_pinhead_count": "pinhead"}
SMALL_VIDEOS = 2
RECIPE = """
name = "visem"
version = "1.0.0"
title = "All frames of a simulated VISEM-Tracking"
seed = 7

[sources.visem_tracking]
sampling = "all"

[boxes]
policy = "audited"
"""

Counts = dict[tuple[str, int, str], int]
"""Objects by video, frame and label; zeros are left out."""


def run(work: Path) -> dict[str, Any]:
    """Simulate, build in a process of its own, count what was released."""
    table = counts_table()
    sizes = SimulatedSizes(polyps=0, instruments=0, video_files="none")
    simulated = write_sources(work / "sources", seed=4, sizes=sizes, counts=table)
    recipe = work / "visem.toml"
    recipe.write_text(RECIPE)
    printed, cost = build_apart(recipe, work / "lake", simulated.paths)
    expected = expected_counts(table)
    found = check_release(Path(printed["release"]), table, expected)
    stages = {stage["name"]: stage["seconds"] for stage in printed["stages"]}
    return {
        **found,
        "seconds_of_the_build": round(cost.seconds, 1),
        "peak_mb": round(cost.peak_bytes / 1e6),
        "seconds_by_stage": stages,
        "manifest_root": printed["manifest_root"],
    }


def counts_table() -> bytes:
    """The authors' table of counts per frame, of all videos unless sizes are reduced."""
    data = (real_data() / "visem-tracking" / "sperm_counts_per_frame.csv").read_bytes()
    if not small():
        return data
    header, *lines = data.splitlines(keepends=True)
    videos = sorted({line.split(b"_")[0] for line in lines})[:SMALL_VIDEOS]
    return header + b"".join(line for line in lines if line.split(b"_")[0] in videos)


def labelled_frames(table: bytes) -> list[tuple[str, int, dict[str, int]]]:
    """Video, frame and objects by label of each row, read by the csv module and not by the project's own reader."""
    rows = csv.DictReader(io.StringIO(table.decode("utf-8-sig")), skipinitialspace=True)
    found = []
    for row in rows:
        video, _, frame = row["frame_name"].partition("_frame_")
        found.append((video, int(frame), {label: int(row[column]) for column, label in COLUMNS.items()}))
    return found


def expected_counts(table: bytes) -> Counts:
    """What each frame must hold."""
    return {
        (video, frame, label): count
        for video, frame, labels in labelled_frames(table)
        for label, count in labels.items()
        if count
    }


def check_release(release: Path, table: bytes, expected: Counts) -> dict[str, Any]:
    """Frames, label files, boxes and tracks; AssertionError where one number is another."""
    images = pl.read_parquet(release / "images/*.parquet", columns=["sample_id", "video_id", "frame_index"])
    columns = ["sample_id", "label", "track_id"]
    objects = pl.read_parquet(release / "objects/*.parquet", columns=columns).join(images, on="sample_id")
    grouped = objects.group_by("video_id", "frame_index", "label").len()
    found = {(video, frame, label): count for video, frame, label, count in grouped.iter_rows()}
    check_counts(found, expected)
    frames = labelled_frames(table)
    labelled = {(video, frame) for video, frame, _ in frames}
    assert set(images.select("video_id", "frame_index").iter_rows()) == labelled, "not exactly the labelled frames"
    unlabelled = check_unlabelled(release)
    by_label = objects.group_by("label").agg(pl.len(), pl.struct("video_id", "track_id").n_unique().alias("tracks"))
    tracks = {label: count for label, _, count in by_label.iter_rows()}
    totals = (len(labelled) + unlabelled, len(labelled), objects.height)
    if not small():
        assert totals == (FRAMES, LABEL_FILES, BOXES), f"frames, label files, boxes: {totals}"
        assert tracks == TRACKS, f"tracks {tracks}, expected {TRACKS}"
    return {
        "frames": totals[0],
        "label_files": totals[1],
        "boxes": totals[2],
        "videos": len({video for video, _ in labelled}),
        "counts_equal": len(expected),
        "boxes_by_label": {label: count for label, count, _ in sorted(by_label.iter_rows())},
        "tracks_by_label": dict(sorted(tracks.items())),
    }


def check_counts(found: Mapping[tuple[str, int, str], int], expected: Counts) -> None:
    """The same number for every frame and label, and so for every video and class."""
    wrong = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
    if wrong:
        first = wrong[0]
        example = f"{first}: {found.get(first, 0)} released, {expected.get(first, 0)} in the table"
        raise AssertionError(f"{len(wrong)} counts differ, for example {example}")


def check_unlabelled(release: Path) -> int:
    """How many frames the release leaves out, each because nothing is known of it."""
    left_out = pl.read_parquet(release / "quarantine/exclusions.parquet")
    frames = left_out.filter(pl.col("stage") != "index")
    reasons = set(frames["reason"])
    assert reasons <= {"unverified_empty"}, f"frames are left out for other reasons: {sorted(reasons)}"
    return frames.height
