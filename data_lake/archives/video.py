"""Videos: what the container says, and single frames, exact to the frame."""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import VideoFacts

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

REASON = "video_unreadable"


def video_facts(data: bytes | Path, name: str) -> VideoFacts:
    """What the container says; the frames are counted, without decoding, where it gives no number.

    MemberProblem ``video_unreadable`` names the member where there is no video to read.
    """
    with _opened(data, name) as (container, stream):
        frames = stream.frames or sum(1 for packet in container.demux(stream) if packet.size)
        if not stream.average_rate or not frames:
            raise MemberProblem(REASON, f"{name}: the container gives {frames} frames at rate {stream.average_rate}")
        return VideoFacts(frames, float(stream.average_rate), stream.width, stream.height)


def decode_frames(data: bytes | Path, wanted: Collection[int], name: str) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The wanted frames (index from 0 in order of presentation) as H x W x 3 RGB pixels, by rising index.

    All frames up to the last wanted one are decoded, one after the other in one thread: seeking is not exact.
    Every index below 0 or beyond the last frame, and any damage on the way, is a MemberProblem
    ``video_unreadable``; frames before the damage have been given by then.
    """
    left = set(wanted)
    with _opened(data, name) as (container, stream):
        for index, frame in enumerate(container.decode(stream)) if left else ():
            if frame.is_corrupt:
                raise MemberProblem(REASON, f"{name}: frame {index} is damaged")
            if index in left:
                left.remove(index)
                yield index, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            if not left:
                return
    if left:
        raise MemberProblem(REASON, f"{name}: the video has no frame {min(left)}")


@contextmanager
def _opened(data: bytes | Path, name: str) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    import av  # 0.2 s that only videos need

    try:
        with av.open(io.BytesIO(data) if isinstance(data, bytes) else str(data), "r") as container:
            if not container.streams.video:
                raise MemberProblem(REASON, f"{name}: the file holds no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            # Without it the decoder conceals damage and gives a picture that nobody filmed.
            stream.codec_context.options = {"err_detect": "explode"}
            yield container, stream
    except (av.FFmpegError, EOFError) as error:
        raise MemberProblem(REASON, f"{name}: {getattr(error, 'strerror', None) or error}") from error
