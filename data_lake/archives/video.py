"""Read videos: container metadata and single frames, exact to the frame and as players show them."""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import MAX_PIXELS
from medmultipoints.transforms.records import VideoFacts

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

REASON = "video_unreadable"
_ONE: Final = 1 << 16
"""The unit of the display matrix, whose numbers are 16.16 fixed point."""
_QUARTERS: Final = {(_ONE, 0, 0, _ONE): 0, (0, -_ONE, _ONE, 0): 1, (-_ONE, 0, 0, -_ONE): 2, (0, _ONE, -_ONE, 0): 3}
"""Quarter turns to the left by the first four numbers of the matrix (a, b, c, d; x' = a x + c y, y' = b x + d y)."""


def video_facts(data: bytes | Path, name: str) -> VideoFacts:
    """Return the number of frames that a player shows, the frame rate and the displayed size.

    Frames are counted by their packets, without decoding; the header also counts frames that an edit list hides.
    MemberProblem ``video_unreadable`` names the member if it holds no readable video.
    """
    with _opened(data, name) as (container, stream):
        frames = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_discard)
        if not stream.average_rate or not frames:
            raise MemberProblem(REASON, f"{name}: the container gives {frames} frames at rate {stream.average_rate}")
        rate, width, height = float(stream.average_rate), stream.width, stream.height
    with _opened(data, name) as (container, stream):
        first = next(container.decode(stream), None)
        turned = first is not None and _quarter_turns(first, name) % 2
    return VideoFacts(frames, rate, *((height, width) if turned else (width, height)))


def decode_frames(
    data: bytes | Path, wanted: Collection[int], name: str, optional: Collection[int] = ()
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the wanted frames (indices from 0 in presentation order) as H x W x 3 RGB pixels, in rising order.

    Pixels are rotated as the container's display matrix says. Frames of ``optional`` are yielded if the video has them.
    All frames up to the last wanted one are decoded in one thread, because seeking is not exact. An index below 0 or
    beyond the last frame, or any damage, raises MemberProblem ``video_unreadable``; frames before the damage have been
    yielded by then.
    """
    left, asked = set(wanted), {*wanted, *optional}
    with _opened(data, name) as (container, stream):
        for index, frame in enumerate(container.decode(stream)) if asked else ():
            if frame.is_corrupt:
                raise MemberProblem(REASON, f"{name}: frame {index} is damaged")
            if index in asked:
                left.discard(index)
                asked.remove(index)
                pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                yield index, np.ascontiguousarray(np.rot90(pixels, _quarter_turns(frame, name)))
            if not asked:
                return
    if left:
        raise MemberProblem(REASON, f"{name}: the video has no frame {min(left)}")


def _quarter_turns(frame: "VideoFrame", name: str) -> int:
    """Return the number of counterclockwise quarter turns that the display matrix asks for.

    MemberProblem for any other transformation.
    """
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
    if matrix is None:
        return 0
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if (a, b, c, d) not in _QUARTERS:
        raise MemberProblem(REASON, f"{name}: its header mirrors, skews or scales the film. Remove that from the file")
    return _QUARTERS[a, b, c, d]


def _is_cover(stream: "VideoStream") -> bool:
    """Return whether a stream is a cover picture, which players show in lists."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


@contextmanager
def _opened(data: bytes | Path, name: str) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    import av  # takes 0.2 s, needed for videos only

    try:
        film = io.BytesIO(data) if isinstance(data, bytes) else str(data)
        container = av.open(film, "r", metadata_errors="replace")  # titles may be in any encoding
    except (av.FFmpegError, ValueError) as error:  # a ValueError for options of a container that FFmpeg cannot set
        raise _damage(name, error) from error
    with container:
        stream = next((one for one in container.streams.video if not _is_cover(one)), None)
        if stream is None:
            raise MemberProblem(REASON, f"{name}: the file has no video stream")
        if stream.codec_context is None:
            raise MemberProblem(REASON, f"{name}: its codec is unknown")
        if stream.width * stream.height > MAX_PIXELS:
            raise MemberProblem(REASON, f"{name}: frames of more than the {MAX_PIXELS} pixels allowed")
        stream.thread_type = "NONE"
        # Otherwise the decoder conceals damage and returns an invented picture.
        stream.codec_context.options = {"err_detect": "explode"}
        try:
            yield container, stream
        except av.FFmpegError as error:
            raise _damage(name, error) from error


def _damage(name: str, error: Exception) -> MemberProblem:
    return MemberProblem(REASON, f"{name}: {getattr(error, 'strerror', None) or error}")
