"""Make tracks with a given number per frame: their presence, movement and label lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.sources.simulated.counts import VideoCounts, swap_frames
from medmultipoints.transforms.sources.simulated.kvasir_instrument import cuid
from medmultipoints.transforms.sources.simulated.members import Planted, generator

WIDTH, HEIGHT = 640, 480
MEAN_SIZE = ((23.0, 23.0), (58.0, 52.0), (21.0, 21.0))
"""Mean box width and height in pixels by class."""

STEP_PX = (14.0, 4.0, 7.0)
"""Distance that a track moves between key frames, in pixels by class."""

KEY_FRAME_EVERY = 15

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VideoTracks:
    """Boxes of a video by frame: ``boxes[starts[f]:starts[f + 1]]`` are those of frame f.

    ``boxes`` are half-open pixel edges x1, y1, x2, y2; ``classes`` and ``ids`` are parallel to it, and ``ids`` are
    positions in ``names``.
    """

    video: str
    starts: NDArray[np.int64]
    boxes: Floats
    classes: NDArray[np.int64]
    ids: NDArray[np.int64]
    names: tuple[str, ...]

    def frame(self, frame: int) -> slice:
        return slice(int(self.starts[frame]), int(self.starts[frame + 1]))


PlantTracks = Callable[[int, Sequence[VideoTracks]], tuple[list[VideoTracks], tuple[Planted, ...]]]
"""Function of the seed and the tracks that returns changed tracks and the planted defects."""


def make_tracks(seed: int, video: VideoCounts, budget: NDArray[np.int64]) -> VideoTracks:
    """Return ``budget[class]`` tracks per class with exactly ``video.counts`` objects per frame and class."""
    presence, boxes, classes = [], [], []
    for label, tracks in enumerate(budget.tolist()):
        rng = generator(seed, "tracks", video.video, label)
        alive = make_presence(rng, video.counts[:, label], tracks)
        presence.append(alive)
        boxes.append(snap_ends(move(rng, label, tracks, video.frames), alive))
        classes += [label] * tracks
    alive, places = np.concatenate(presence, axis=1), np.concatenate(boxes, axis=1)
    frames, ids = np.nonzero(alive)
    starts = np.concatenate([[0], np.cumsum(alive.sum(axis=1))])
    names = tuple(cuid(seed, "track", video.video, number) for number in range(len(classes)))
    labels = np.array(classes, dtype=np.int64)[ids]
    return VideoTracks(video.video, starts.astype(np.int64), places[frames, ids], labels, ids, names)


def make_presence(rng: np.random.Generator, counts: NDArray[np.int64], budget: int) -> NDArray[np.bool_]:
    """Return ``alive[frame, track]`` with ``counts[frame]`` tracks per frame; each of the tracks is used.

    When the count rises, a new track begins while the budget lasts, else an earlier one returns after a gap; when it
    falls, one ends. A budget beyond the rises is used for swaps spread over the video.
    Errors: ValueError if the counts allow fewer tracks.
    """
    alive = np.zeros((len(counts), budget), dtype=np.bool_)
    swaps = _choose_swaps(counts, budget)
    now: list[int] = []
    gone: list[int] = []
    used = 0
    for frame, count in enumerate(counts.tolist()):
        ending = max(len(now) - count, 0) + int(frame in swaps)
        gone += [now.pop(int(rng.integers(len(now)))) for _ in range(ending)]
        while len(now) < count:
            if used < budget:
                now.append(used)
                used += 1
            else:
                now.append(gone.pop(0))
        alive[frame, now] = True
    return alive


def _choose_swaps(counts: NDArray[np.int64], budget: int) -> frozenset[int]:
    swaps = budget - int(np.maximum(np.diff(counts, prepend=0), 0).sum())
    if swaps <= 0:
        return frozenset()
    possible = swap_frames(counts)
    if len(possible) < swaps:
        raise ValueError(f"{budget} tracks are too many for these counts: only {len(possible)} frames allow a swap")
    evenly = ((np.arange(swaps) + 0.5) * len(possible) / swaps).astype(np.int64)
    return frozenset(possible[evenly].tolist())


def move(rng: np.random.Generator, label: int, tracks: int, frames: int) -> Floats:
    """Return boxes ``[frame, track, edge]`` on smooth paths, clipped; integers on key frames, linear in between."""
    keys = (frames - 1) // KEY_FRAME_EVERY + 2
    heading = rng.uniform(0, 2 * np.pi, (1, tracks)) + np.cumsum(rng.normal(0, 0.35, (keys, tracks)), axis=0)
    speed = STEP_PX[label] * rng.gamma(2, 0.5, (1, tracks))
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=-1) * speed[..., None], axis=0)
    centre = _reflect(path + rng.uniform(0, (WIDTH, HEIGHT), (1, tracks, 2)), (WIDTH, HEIGHT))
    size = np.array(MEAN_SIZE[label]) * rng.normal(1, 0.12, (1, tracks, 1)).clip(0.6, 1.5)
    size = size * rng.normal(1, 0.06, (keys, tracks, 2)).clip(0.7, 1.4)
    edges = np.concatenate([centre - size / 2, centre + size / 2], axis=-1).round()
    edges = edges.clip(0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
    at = np.arange(frames) / KEY_FRAME_EVERY
    before, weight = at.astype(np.int64), (at % 1)[:, None, None]
    return np.asarray(edges[before] + (edges[before + 1] - edges[before]) * weight, dtype=np.float64)


def _reflect(path: Floats, sides: tuple[int, int], margin: float = 4) -> Floats:
    """Return the positions reflected at the border, at least ``margin`` inside it."""
    reach = np.array(sides) - 2 * margin
    turned = np.mod(path - margin, 2 * reach)
    return np.asarray(margin + np.where(turned > reach, 2 * reach - turned, turned), dtype=np.float64)


def snap_ends(boxes: Floats, alive: NDArray[np.bool_]) -> Floats:
    """Return the boxes with whole pixels on the first and last frame of each presence, as if set by hand."""
    edge = np.zeros((1, alive.shape[1]), dtype=np.bool_)
    first = alive & ~np.concatenate([edge, alive[:-1]])
    last = alive & ~np.concatenate([alive[1:], edge])
    return np.where((first | last)[..., None], boxes.round(), boxes)


def label_text(tracks: VideoTracks, frame: int, with_ids: bool = False) -> bytes:
    """Return a label file: ``class cx cy w h`` per line, normalised, six decimals, optionally with the track id."""
    rows = tracks.frame(frame)
    edges = tracks.boxes[rows] / (WIDTH, HEIGHT, WIDTH, HEIGHT)
    values = np.concatenate([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2]], axis=1).tolist()
    names = [f"{tracks.names[number]} " if with_ids else "" for number in tracks.ids[rows].tolist()]
    lines = zip(names, tracks.classes[rows].tolist(), values, strict=True)
    return "".join(
        f"{name}{label} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}\n" for name, label, (cx, cy, w, h) in lines
    ).encode()
