"""What the audit is to find in tracks, planted under the very names of its kinds of findings before labels are written.

Tracks are chosen that live through their whole video. ``hand_drawn`` is no finding: a track that nobody interpolated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.members import Planted, digest, generator
from medmultipoints.transforms.sources.simulated.tracks import WIDTH, Floats, VideoTracks
from medmultipoints.transforms.sources.simulated.visem_names import NAME, frame_stem, tracked_name

LONG_FRAMES = 60
"""A track is changed in its middle and must have this many frames."""
FAR_PX = 220
GAP_FRAMES, AWAY_FRAMES = 5, 9
VANISHING = 6

Rows = NDArray[np.int64]
Change = Callable[[VideoTracks, Rows, int], VideoTracks]


def plant_track_findings(seed: int, videos: Sequence[VideoTracks]) -> tuple[list[VideoTracks], tuple[Planted, ...]]:
    """The videos with each named finding on a track of its own; UsageError where there are too few tracks."""
    changed, planted = list(videos), []
    free = _choose(seed, videos)
    for name, change in TRACK_FINDINGS.items():
        chosen = next((one for one in free if name not in FAR or _is_off_centre(changed[one[0]], one[1])), None)
        if chosen is None:
            raise UsageError(f"{NAME}: no track is left for '{name}'. Simulate more or longer videos.")
        free.remove(chosen)
        place, track = chosen
        video = changed[place]
        rows = _rows_of(video, track)
        middle = len(rows) // 2
        frame = int(_frames(video)[rows[middle]])
        changed[place] = change(video, rows, middle)
        member = f"{tracked_name(video.video, frame)}#{video.names[track]}"
        planted.append(Planted(NAME, name, frame_stem(video.video, frame), member, None))
        if name == "count_jump":
            free = [one for one in free if one[0] != place]
    return changed, tuple(planted)


def _choose(seed: int, videos: Sequence[VideoTracks]) -> list[tuple[int, int]]:
    """Video and track, in an order that the seed decides."""
    found = []
    for place, video in enumerate(videos):
        frames = len(video.starts) - 1
        counted = np.bincount(video.ids, minlength=len(video.names))
        classes = dict(zip(video.ids.tolist(), video.classes.tolist(), strict=True))
        whole = np.flatnonzero((counted == frames) & (counted >= LONG_FRAMES)).tolist()
        found += [(place, track) for track in whole if classes[track] == 0]
    return sorted(found, key=lambda one: digest(seed, "track finding", videos[one[0]].video, one[1]))


def _is_off_centre(video: VideoTracks, track: int) -> bool:
    rows = _rows_of(video, track)
    middle = video.boxes[rows[len(rows) // 2]]
    return bool(abs(WIDTH - middle[0] - middle[2]) > FAR_PX)


def _frames(video: VideoTracks) -> Rows:
    return np.repeat(np.arange(len(video.starts) - 1), np.diff(video.starts))


def _rows_of(video: VideoTracks, track: int) -> Rows:
    return np.flatnonzero(video.ids == track).astype(np.int64)


def _with(video: VideoTracks, rows: Rows, boxes: Floats) -> VideoTracks:
    every = video.boxes.copy()
    every[rows] = boxes
    return replace(video, boxes=every)


def _without(video: VideoTracks, rows: Rows) -> VideoTracks:
    kept = np.ones(len(video.ids), np.bool_)
    kept[rows] = False
    counts = np.bincount(_frames(video)[kept], minlength=len(video.starts) - 1)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return replace(video, starts=starts, boxes=video.boxes[kept], classes=video.classes[kept], ids=video.ids[kept])


def _mirrored(boxes: Floats) -> Floats:
    return np.stack([WIDTH - boxes[:, 2], boxes[:, 1], WIDTH - boxes[:, 0], boxes[:, 3]], axis=1)


def _teleport(video: VideoTracks, rows: Rows, middle: int) -> VideoTracks:
    return _with(video, rows[middle:], _mirrored(video.boxes[rows[middle:]]))


def _gap(video: VideoTracks, rows: Rows, middle: int) -> VideoTracks:
    return _without(video, rows[middle : middle + GAP_FRAMES])


def _id_reuse(video: VideoTracks, rows: Rows, middle: int) -> VideoTracks:
    return _without(_teleport(video, rows, middle), rows[middle : middle + AWAY_FRAMES])


def _frozen(video: VideoTracks, rows: Rows, middle: int) -> VideoTracks:
    return _with(video, rows[middle:], np.repeat(video.boxes[rows[middle : middle + 1]], len(rows) - middle, axis=0))


def _hand_drawn(video: VideoTracks, rows: Rows, middle: int) -> VideoTracks:
    rng = generator("hand drawn", video.video, middle)
    boxes = video.boxes[rows] + rng.uniform(0.1, 0.9, (len(rows), 4)) * np.array([1, 1, -1, -1])
    return _with(video, rows, boxes)


def _count_jump(video: VideoTracks, rows: Rows, middle: int) -> VideoTracks:
    """The track and others of its class vanish for good: six, or three in ten where there are more."""
    frame = _frames(video)[rows[middle]]
    shown = video.ids[(_frames(video) == frame) & (video.classes == 0)]
    gone = shown[: max(VANISHING, round(0.3 * len(shown)))]
    return _without(video, np.flatnonzero(np.isin(video.ids, gone) & (_frames(video) >= frame)).astype(np.int64))


FAR = ("teleport", "id_reuse")
TRACK_FINDINGS: Mapping[str, Change] = {
    "teleport": _teleport,
    "id_reuse": _id_reuse,
    "gap": _gap,
    "frozen": _frozen,
    "hand_drawn": _hand_drawn,
    "count_jump": _count_jump,
}
