"""Simulate VISEM-Tracking: frames, label files with and without track ids, and videos."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal

import numpy as np

from medmultipoints.transforms.sources.simulated.counts import VideoCounts, share_tracks
from medmultipoints.transforms.sources.simulated.frame_faults import plant_frame_faults
from medmultipoints.transforms.sources.simulated.images import Pixels
from medmultipoints.transforms.sources.simulated.members import Content, Member, Simulated, shuffled
from medmultipoints.transforms.sources.simulated.microscopy import draw_frame, encode_frame
from medmultipoints.transforms.sources.simulated.tracks import (
    HEIGHT,
    WIDTH,
    PlantTracks,
    VideoTracks,
    label_text,
    make_tracks,
)
from medmultipoints.transforms.sources.simulated.video import encode_video
from medmultipoints.transforms.sources.simulated.visem_names import (
    NAME,
    VISEM_ZIP,
    image_name,
    labels_name,
    tracked_name,
    video_name,
)

VideoMode = Literal["none", "blank", "frames"]


def simulate_visem_tracking(
    *,
    seed: int,
    videos: Sequence[VideoCounts],
    track_totals: Sequence[int] | None = None,
    images: bool = True,
    video_files: VideoMode = "frames",
    faults: Sequence[str] = (),
    further: PlantTracks | None = None,
    shuffle_seed: int | None = None,
) -> Simulated:
    """Return a source with the objects per frame and class of ``videos``, and the named faults.

    Frames without objects have a picture but no label file. ``track_totals``: tracks per class over all videos.
    ``video_files``: no mp4, a gray one of the right length, rate and size, or one that shows the frames. ``images``
    false: pictures are only in the mp4. ``further`` changes the tracks before labels are written.

    Errors: UsageError if there are too few frames for the faults; ValueError if the totals are too small.
    """
    contents: dict[str, Content] = {}
    made = [
        make_tracks(seed, video, budget)
        for video, budget in zip(videos, share_tracks(videos, track_totals), strict=True)
    ]
    made, odd = further(seed, made) if further else (made, ())
    for video, tracks in zip(videos, made, strict=True):
        contents.update(_label_files(tracks, video))
        if images:
            contents.update(_frame_files(seed, tracks, video))
        if video_files != "none":
            contents[video_name(video.video)] = partial(_video_file, seed, tracks, video, video_files)
    planted = plant_frame_faults(seed, contents, videos, faults)
    members = (Member(VISEM_ZIP, name, content) for name, content in contents.items())
    return Simulated(NAME, shuffled(members, shuffle_seed), (*planted, *odd))


def _label_files(tracks: VideoTracks, video: VideoCounts) -> Iterator[tuple[str, Content]]:
    for frame in np.flatnonzero(np.diff(tracks.starts)).tolist():
        yield labels_name(video.video, frame), partial(label_text, tracks, frame)
        yield tracked_name(video.video, frame), partial(label_text, tracks, frame, with_ids=True)


def _frame_files(seed: int, tracks: VideoTracks, video: VideoCounts) -> Iterator[tuple[str, Content]]:
    for frame in range(video.frames):
        yield image_name(video.video, frame), partial(_frame_file, seed, tracks, frame)


def _frame_file(seed: int, tracks: VideoTracks, frame: int) -> bytes:
    return encode_frame(_picture(seed, tracks, frame))


def _picture(seed: int, tracks: VideoTracks, frame: int) -> Pixels:
    return draw_frame(seed, tracks.video, frame, tracks.boxes[tracks.frame(frame)])


def _video_file(seed: int, tracks: VideoTracks, video: VideoCounts, mode: VideoMode) -> bytes:
    gray = np.full((HEIGHT, WIDTH), 110, dtype=np.uint8)
    shown = (gray if mode == "blank" else _picture(seed, tracks, frame) for frame in range(video.frames))
    return encode_video(shown, video.fps)
