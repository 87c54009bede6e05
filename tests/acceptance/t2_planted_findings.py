"""Every kind of finding planted in simulated sources: what of it the audit finds, and what else it claims."""

import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.simulate import SimulatedSizes, SimulatedSources, write_sources
from medmultipoints.transforms.columns.tables import load_table
from medmultipoints.transforms.sources.simulated.visem_names import VISEM_ZIP
from tests.acceptance.builds import build, differing
from tests.acceptance.inputs import small
from tests.planted.findings import FINDINGS

RECIPE = """
name = "planted"
version = "1.0.0"
title = "Planted findings"
seed = 7

[sources.hyperkvasir]
[sources.kvasir_instrument]
[sources.visem_tracking]

[boxes]
policy = "audited"
"""
FAULTS = (
    *("stray_pixel", "inflated_box", "phantom_box", "near_duplicate"),
    *("track_changes_class", "label_files_missing"),
)
KINDS = {"inflated_box": "inflated_to_origin", "phantom_box": "phantom", "track_changes_class": "class_change"}
"""The kind of finding that a planted fault is; all other names are those of kinds."""

NO_FINDING = {"hand_drawn", "label_files_missing"}
BY_TRACK = {"teleport", "id_reuse", "gap", "frozen", "interpolated", "cut_by_border"}
NOT_SIMULATED = {"tiny_objects", "beyond_frame", "same_frame"} | {
    f"shows_{what}" for what in ("date", "clock", "name", "number", "text")
}
"""Kinds that these builds cannot find: pairs reject such boxes and remove such specks, and the recipe reads no text and
joins no pixels. They have tests of their own."""
LEAST = 0.9
Truth = dict[str, set[tuple[str, ...]]]
Tracks = Mapping[str, Mapping[int, tuple[float, ...]]]


def run(work: Path) -> dict[str, Any]:
    """Recall and precision of every kind, over several seeds."""
    truth: Truth = defaultdict(set)
    found: Truth = defaultdict(set)
    (work / "planted.toml").write_text(RECIPE)
    for seed in (1, 2) if small() else (1, 2, 3, 4, 5):
        sources = write_sources(
            work / f"sources{seed}",
            seed=seed,
            sizes=SimulatedSizes(polyps=48, instruments=48, videos=5, frames=120),
            faults=FAULTS,
            further=FINDINGS,
        )
        outcome = build(work / "planted.toml", work / f"lake{seed}", sources.paths)
        collect(truth, str(seed), planted(sources))
        collect(found, str(seed), told(outcome.table("disagreements"), {entry.stem for entry in sources.planted}))
    figures = {kind: judge(truth[kind], found[kind]) for kind in sorted(truth.keys() | found.keys())}
    poor = {kind: told for kind, told in figures.items() if min(told["recall"], told["precision"]) < LEAST}
    assert not poor, f"recall or precision below {LEAST}: {poor}"
    absent = {value for value in kinds() if value not in figures}
    assert absent == NOT_SIMULATED, f"neither planted nor found: {differing(NOT_SIMULATED, absent)}"
    return {
        "kinds": len(figures),
        "planted": sum(len(items) for items in truth.values()),
        "found": sum(len(truth[kind] & found[kind]) for kind in truth),
        "false": sum(len(found[kind] - truth[kind]) for kind in found),
        "by_kind": figures,
    }


def kinds() -> tuple[str, ...]:
    """Every kind of finding that the table declares."""
    (column,) = (column for column in load_table("disagreements").columns if column.name == "kind")
    return tuple(str(value) for value in column.check.values or ())


def collect(into: Truth, seed: str, items: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """The items of one seed, kept apart from those of others."""
    for kind, item in items:
        into[kind].add((seed, *item))


def judge(truth: set[tuple[str, ...]], found: set[tuple[str, ...]]) -> dict[str, Any]:
    """Recall and precision, and the first few that are wrong."""
    right = len(truth & found)
    return {
        "planted": len(truth),
        "found": len(found),
        "recall": round(right / len(truth), 3) if truth else 1.0,
        "precision": round(right / len(found), 3) if found else 1.0,
        "missed": sorted(truth - found)[:3],
        "wrong": sorted(found - truth)[:3],
    }


def told(findings: pl.DataFrame, changed: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Kind, and source and image of each finding; of findings about tracks video and track.

    Of a pair of near-duplicates, and of copies that contradict each other, that image counts which was planted.
    """
    for row in findings.iter_rows(named=True):
        detail = str(row["detail"])
        copy = detail.partition(" ")[0].rpartition("/")[2]
        if row["kind"] == "contradicting_copies" and row["stem"] not in changed and copy in changed:
            yield row["kind"], (row["source"], copy)
        elif row["kind"] in BY_TRACK and detail.startswith("track "):
            yield row["kind"], (row["stem"].split("_frame_")[0], detail.split(":")[0].removeprefix("track "))
        elif row["kind"] != "near_duplicate" or row["stem"] in changed or detail.rpartition("/")[2] not in changed:
            yield row["kind"], (row["source"], row["stem"])


def planted(sources: SimulatedSources) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Kind and place of everything that must be found: planted, or computed here from the label files themselves."""
    for entry in sources.planted:
        if entry.kind in NO_FINDING:
            continue
        track = entry.member.partition("#")[2]
        kind = KINDS.get(entry.kind, entry.kind)
        where = (entry.stem.split("_frame_")[0], track) if kind in BY_TRACK else (entry.source, entry.stem)
        yield kind, where
        if entry.kind == "inflated_box":
            yield "stray_pixel", where
    rejected = {entry.stem for entry in sources.planted if entry.kind == "track_changes_class"}
    for video, tracks in read_tracks(sources.paths["visem_tracking"] / VISEM_ZIP, rejected).items():
        yield from natural(video, tracks)
    yield from ((kind, ("visem_tracking", f"{video}_frame_{frame}")) for kind, video, frame in unlabelled(sources))


def read_tracks(archive: Path, rejected: set[str]) -> dict[str, dict[str, dict[int, tuple[float, ...]]]]:
    """Video, track, frame and box in pixels, from the label files with ids; without the frames that are rejected."""
    found: dict[str, dict[str, dict[int, tuple[float, ...]]]] = defaultdict(lambda: defaultdict(dict))
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if "/labels_ftid/" not in name:
                continue
            stem = name.rpartition("/")[2].removesuffix("_with_ftid.txt")
            video, _, frame = stem.partition("_frame_")
            for line in opened.read(name).decode().splitlines() if stem not in rejected else ():
                track, _, *values = line.split()
                cx, cy, w, h = map(float, values)
                sides = (cx - w / 2) * 640, (cy - h / 2) * 480, (cx + w / 2) * 640, (cy + h / 2) * 480
                found[video][track][int(frame)] = sides
    return found


def natural(video: str, tracks: Tracks) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the simulation itself brings about, planted or not: absences, straight lines, the border."""
    labelled = sorted({frame for boxes in tracks.values() for frame in boxes})
    place = {frame: number for number, frame in enumerate(labelled)}
    for track, boxes in tracks.items():
        frames = sorted(boxes)
        if any(place[b] - place[a] > 1 and near(boxes[a], boxes[b]) for a, b in pairwise(frames)):
            yield "gap", (video, track)
        if any(min(box[:2]) <= 0.01 or box[2] >= 639.99 or box[3] >= 479.99 for box in boxes.values()):
            yield "cut_by_border", (video, track)
        if longest(straight(boxes, frames, place)) >= 5:
            yield "interpolated", (video, track)
        if longest(still(boxes, frames, place)) >= 20:
            yield "frozen", (video, track)


def near(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """An object that was away for a while comes back near; a planted reuse of its id does not."""
    return abs(a[0] + a[2] - b[0] - b[2]) / 2 < 100


def straight(boxes: Mapping[int, tuple[float, ...]], frames: list[int], place: Mapping[int, int]) -> Iterator[bool]:
    """Of each inner box, whether it is the mean of its neighbours in time, and moves."""
    for a, b, c in zip(frames, frames[1:], frames[2:], strict=False):
        share = (b - a) / (c - a)
        inner = zip(boxes[a], boxes[b], boxes[c], strict=True)
        on_line = all(abs(x + (z - x) * share - y) <= 0.01 for x, y, z in inner)
        adjacent = place[c] - place[a] == 2
        yield on_line and adjacent and not same(boxes[a], boxes[b])


def still(boxes: Mapping[int, tuple[float, ...]], frames: list[int], place: Mapping[int, int]) -> Iterator[bool]:
    """Of each box, whether it is the box before."""
    for a, b in pairwise(frames):
        yield place[b] - place[a] == 1 and same(boxes[a], boxes[b])


def same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Equal but for the rounding of label files."""
    return all(abs(x - y) <= 0.01 for x, y in zip(a, b, strict=True))


def longest(flags: Iterable[bool]) -> int:
    """The longest run of true ones."""
    most = run_length = 0
    for flag in flags:
        run_length = run_length + 1 if flag else 0
        most = max(most, run_length)
    return most


def unlabelled(sources: SimulatedSources) -> Iterator[tuple[str, str, int]]:
    """The first frame of every stretch without label files."""
    with zipfile.ZipFile(sources.paths["visem_tracking"] / VISEM_ZIP) as opened:
        names = opened.namelist()
    stems = {kind: {Path(name).stem for name in names if f"/{kind}/" in name} for kind in ("images", "labels")}
    bare = {(stem.split("_frame_")[0], int(stem.split("_frame_")[1])) for stem in stems["images"] - stems["labels"]}
    yield from (("gap", video, frame) for video, frame in sorted(bare) if (video, frame - 1) not in bare)
