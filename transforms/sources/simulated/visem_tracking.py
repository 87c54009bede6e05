"""Simulate VISEM-Tracking: frames, label files with and without track ids, and videos."""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Literal

import cv2
import numpy as np

from medmultipoints.transforms.sources.simulated.counts import VideoCounts, share_tracks
from medmultipoints.transforms.sources.simulated.frame_faults import plant_frame_faults
from medmultipoints.transforms.sources.simulated.images import Pixels, encode_picture
from medmultipoints.transforms.sources.simulated.members import Content, Member, Simulated, generator, shuffled
from medmultipoints.transforms.sources.simulated.tracks import (
    HEIGHT,
    WIDTH,
    Floats,
    PlantTracks,
    VideoTracks,
    label_text,
    make_tracks,
)
from medmultipoints.transforms.sources.simulated.visem_names import (
    NAME,
    VISEM_ZIP,
    image_name,
    labels_name,
    tracked_name,
    video_name,
)

VideoMode = Literal["none", "blank", "frames"]

DRIFT_PX = 48
FRAME_QUALITY = 75


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


@lru_cache(maxsize=32)
def video_background(seed: int, video: str) -> Pixels:
    """Return the read-only noise shared by all frames of a video, larger than a frame by the drift."""
    rng = generator(seed, "background", video)
    rows, columns = HEIGHT + DRIFT_PX, WIDTH + DRIFT_PX
    grids = [rng.normal(0, strength, (rows // cell, columns // cell)) for cell, strength in ((44, 9.0), (16, 2.5))]
    noise = sum(cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_CUBIC) for grid in grids)
    background: Pixels = np.clip(110 + np.asarray(noise), 0, 255).astype(np.uint8)
    background.setflags(write=False)
    return background


def draw_frame(seed: int, video: str, frame: int, boxes: Floats) -> Pixels:
    """Return the gray picture (H x W) of one frame with a cell in each box; the noise offset depends on the frame."""
    across, down = frame % DRIFT_PX, frame // DRIFT_PX % DRIFT_PX
    picture = video_background(seed, video)[down : down + HEIGHT, across : across + WIDTH].copy()
    for x1, y1, x2, y2 in boxes.tolist():
        centre = (round((x1 + x2) / 2), round((y1 + y2) / 2))
        axes = (max(1, round((x2 - x1) / 2) - 1), max(1, round((y2 - y1) / 2) - 1))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, 178, -1)
        cv2.ellipse(picture, centre, (max(1, axes[0] // 2), max(1, axes[1] // 2)), 0, 0, 360, 226, -1)
    return np.asarray(picture, dtype=np.uint8)


def encode_frame(picture: Pixels) -> bytes:
    """Return the frame as a JPEG of three equal channels."""
    return encode_picture(cv2.merge([picture, picture, picture]).astype(np.uint8), FRAME_QUALITY)


def encode_video(frames: Iterable[Pixels], fps: int) -> bytes:
    """Return the gray pictures (H x W) as an mp4 with one video stream of ``fps`` frames per second."""
    import av

    encoded = io.BytesIO()
    with av.open(encoded, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = None
        for picture in frames:
            if stream is None:
                stream = container.add_stream("mpeg4", rate=fps, options={"flags": "+bitexact", "qscale": "3"})
                stream.height, stream.width = picture.shape
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1  # the bytes must not depend on the machine's cores
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        if stream is not None:
            container.mux(stream.encode())
    return encoded.getvalue()
