"""Timelines of released videos: objects per frame, and the duration of each track."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl

MOST_TRACKS: Final = 40
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """A track; ``runs``: first and last frame position of each uninterrupted part; ``path``: centres."""

    track_id: str
    label: str
    runs: tuple[tuple[int, int], ...]
    path: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A video: its frames in order, the number of objects per frame and label, and its longest ``tracks``."""

    source: str
    video_id: str
    split: str
    image_sha256: str
    sample_id: str
    width: int
    height: int
    frames: tuple[int, ...]
    counts: dict[str, tuple[int, ...]]
    tracks: tuple[Track, ...]
    all_tracks: int

    @property
    def most(self) -> int:
        return max([1, *(number for counts in self.counts.values() for number in counts)])


def timelines(images: pl.DataFrame, objects: pl.DataFrame, most: int) -> list[Timeline]:
    """Return at most ``most`` videos, those with the most frames."""
    frames = images.drop_nulls(["video_id", "frame_index"])
    videos = frames.group_by("source", "video_id").len().filter(pl.col("len") > 1)
    chosen = videos.sort(["len", "source", "video_id"], descending=[True, False, False]).head(most)
    found = []
    for source, video_id, _ in chosen.sort("source", "video_id").iter_rows():
        own = frames.filter(source=source, video_id=video_id).sort("frame_index", "sample_id")
        found.append(_timeline(own, objects.join(own.select("sample_id"), on="sample_id", how="semi")))
    return found


def _timeline(frames: pl.DataFrame, objects: pl.DataFrame) -> Timeline:
    """Return the timeline of one video from its frames and objects."""
    first = frames.row(0, named=True)
    placed = frames.select("sample_id").with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))
    rows = objects.join(placed, on="sample_id").sort("at", "object_id")
    counted = {(label, at): number for label, at, number in rows.group_by("label", "at").len().iter_rows()}
    labels = rows["label"].unique().sort().to_list()
    tracks = list(_tracks(rows))
    longest = sorted(tracks, key=lambda track: (-len(track.path), track.runs, track.track_id))[:MOST_TRACKS]
    return Timeline(
        source=first["source"],
        video_id=first["video_id"],
        split=first["split"],
        image_sha256=first["image_sha256"],
        sample_id=first["sample_id"],
        width=first["width"],
        height=first["height"],
        frames=tuple(frames["frame_index"].to_list()),
        counts={label: tuple(counted.get((label, at), 0) for at in range(frames.height)) for label in labels},
        tracks=tuple(sorted(longest, key=lambda track: (track.runs, track.track_id))),
        all_tracks=len(tracks),
    )


def _tracks(rows: pl.DataFrame) -> Iterator[Track]:
    known = rows.drop_nulls("track_id").with_columns(
        cx=(pl.col("x1") + pl.col("x2")) / 2, cy=(pl.col("y1") + pl.col("y2")) / 2
    )
    for (track_id, label), own in sorted(known.partition_by("track_id", "label", as_dict=True).items()):
        places = tuple(own.select("cx", "cy").iter_rows())
        yield Track(str(track_id), str(label), _runs(own["at"].to_list()), places)


def _runs(positions: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the runs of consecutive positions as (first, last)."""
    starts = [positions[0], *(after for before, after in pairwise(positions) if after > before + 1)]
    ends = [*(before for before, after in pairwise(positions) if after > before + 1), positions[-1]]
    return tuple(zip(starts, ends, strict=True))
