"""Object counts per frame and class of simulated videos, from the real table or modelled on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.sources.builtin.csv_rows import read_csv_rows
from medmultipoints.transforms.sources.simulated.members import generator

CLASSES = ("normal", "cluster", "pinhead")
"""Labels of VISEM's classes 0, 1 and 2."""

COUNT_COLUMNS = ("sperm_count", "cluster_count", "small_or_pinhead_count")
REAL_BOXES = 656_335
TRACK_TOTALS = (1121, 20, 35)
"""Number of boxes, and of tracks per class, in the real source."""


@dataclass(frozen=True, slots=True)
class VideoCounts:
    """Counts of a video as ``counts[frame, class]``, from frame 0; a frame without objects has no label file."""

    video: str
    counts: NDArray[np.int64]

    @property
    def frames(self) -> int:
        return len(self.counts)

    @property
    def fps(self) -> int:
        """Frames per second of the real video with this number."""
        return {"35": 48, "52": 48, "82": 50}.get(self.video, 49)


@dataclass(frozen=True, slots=True)
class _Figures:
    """Figures of a real video: mean boxes per frame and class, and label gaps as shares of its length."""

    video: str
    mean: tuple[float, float, float]
    gaps: tuple[tuple[float, float], ...] = ()


_REAL = (
    _Figures("12", (23.5, 1.0, 2.3)),
    _Figures("23", (2.0, 0.0, 0.25), ((823 / 1470, 973 / 1470), (1084 / 1470, 1108 / 1470))),
    _Figures("54", (26.1, 2.0, 0.68)),
    _Figures("11", (36.6, 1.85, 0.0)),
    _Figures("82", (28.7, 0.0, 1.96)),
    _Figures("13", (41.6, 0.0, 1.0)),
    _Figures("14", (3.4, 0.49, 0.0)),
    _Figures("15", (16.1, 0.53, 0.53)),
    _Figures("19", (18.3, 4.0, 0.12)),
    _Figures("21", (20.1, 0.0, 2.0)),
    _Figures("22", (10.9, 0.0, 0.0)),
    _Figures("24", (62.3, 4.0, 0.0)),
    _Figures("29", (3.0, 0.31, 0.0)),
    _Figures("30", (10.9, 0.0, 0.0)),
    _Figures("35", (30.2, 0.0, 1.6)),
    _Figures("36", (44.3, 0.0, 1.0)),
    _Figures("38", (11.5, 0.0, 0.0)),
    _Figures("47", (5.0, 0.0, 0.5)),
    _Figures("52", (9.3, 0.7, 2.4)),
    _Figures("60", (13.2, 0.0, 0.68)),
)


def parse_counts_csv(data: bytes) -> tuple[VideoCounts, ...]:
    """Return the counts per video from the authors' ``sperm_counts_per_frame.csv``, sorted by number.

    Frames without a row, up to a video's last one, get zeros: they exist without a label file.
    """
    rows = read_csv_rows("visem_tracking", "sperm_counts_per_frame.csv", data, ("frame_name", *COUNT_COLUMNS))
    videos: dict[str, dict[int, list[int]]] = {}
    for row in rows:
        video, _, frame = row.fields["frame_name"].partition("_frame_")
        videos.setdefault(video, {})[int(frame)] = [int(row.fields[name]) for name in COUNT_COLUMNS]
    return tuple(VideoCounts(video, _fill(videos[video])) for video in sorted(videos, key=int))


def _fill(rows: dict[int, list[int]]) -> NDArray[np.int64]:
    counts = np.zeros((max(rows) + 1, len(CLASSES)), dtype=np.int64)
    counts[list(rows)] = list(rows.values())
    return counts


def model_counts(seed: int, videos: int, frames: int) -> tuple[VideoCounts, ...]:
    """Return seeded counts with the real figures' means per class, slow changes, and the gaps of video 23."""
    numbered = (
        (figures, figures.video if round_ == 0 else f"{100 * round_ + int(figures.video)}")
        for round_ in range(videos // len(_REAL) + 1)
        for figures in _REAL
    )
    return tuple(
        VideoCounts(name, _walk(seed, figures, name, frames))
        for _, (figures, name) in zip(range(videos), numbered, strict=False)
    )


def _walk(seed: int, figures: _Figures, name: str, frames: int) -> NDArray[np.int64]:
    rng, mean = generator(seed, "counts", name), np.array(figures.mean)
    # In crowded videos an object appears or disappears about every 20 frames, in others rarely.
    steps = rng.random((frames, len(CLASSES))) < np.minimum(mean / 800, 0.05)
    walk = np.cumsum(steps * rng.choice((-1, 1), size=steps.shape), axis=0)
    start = np.floor(mean + rng.random(len(CLASSES)))
    most = np.ceil(mean * 1.3).astype(np.int64)
    counts: NDArray[np.int64] = np.clip((start + walk).astype(np.int64), 0, most)
    counts[:, 0] = np.maximum(counts[:, 0], 1)
    for begin, end in figures.gaps:
        counts[round(begin * frames) : round(end * frames)] = 0
    return counts


def swap_frames(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the frames in which a track can end and another begin: the count is above 0 and does not rise."""
    return np.asarray(np.flatnonzero((counts[1:] > 0) & (counts[1:] <= counts[:-1])) + 1, dtype=np.int64)


def share_tracks(videos: Sequence[VideoCounts], totals: Sequence[int] | None) -> NDArray[np.int64]:
    """Return the number of tracks per video and class, with ``totals`` per class, or following the counts if None.

    A video needs as many tracks as its fullest frame shows, preferably one per rise of the count. Any remainder is
    shared in proportion to the boxes, as swaps: one track ends where another begins.
    Errors: ValueError if the totals are too small for the fullest frames.
    """
    needed = np.array([video.counts.max(axis=0) for video in videos])
    rises = np.array([np.maximum(np.diff(video.counts, axis=0, prepend=0), 0).sum(axis=0) for video in videos])
    boxes = np.array([video.counts.sum(axis=0) for video in videos])
    if totals is None:
        room = np.array([[len(swap_frames(counts)) for counts in video.counts.T] for video in videos])
        # The real source has 12 % more tracks than rises.
        return np.asarray(rises + np.minimum(rises // 8, room), dtype=np.int64)
    return np.stack(
        [_share(int(totals[c]), needed[:, c], rises[:, c], boxes[:, c]) for c in range(len(CLASSES))], axis=1
    )


def _share(
    total: int, needed: NDArray[np.int64], rises: NDArray[np.int64], boxes: NDArray[np.int64]
) -> NDArray[np.int64]:
    if total < needed.sum():
        raise ValueError(f"{total} tracks are too few: the fullest frames of the videos show {needed.sum()}")
    if total <= rises.sum():
        return needed + _portion(total - int(needed.sum()), rises - needed)
    return rises + _portion(total - int(rises.sum()), boxes)


def _portion(amount: int, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the amount divided into whole parts in proportion to the weights, by largest remainders."""
    exact = amount * weights / max(int(weights.sum()), 1)
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(parts - exact, kind="stable")
    parts[order[: amount - int(parts.sum())]] += 1
    return np.asarray(parts, dtype=np.int64)
