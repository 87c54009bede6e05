"""Frames come out of a video exactly, or the video is rejected."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from medmultipoints.data_lake.archives.video import decode_frames, video_facts
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import VideoFacts


def make_video(frames: int, container: str = "mp4", rate: int = 49) -> bytes:
    """A video 64 x 48 whose frame ``i`` is gray of value 8 i; it has frames that are stored out of order."""
    data = io.BytesIO()
    with av.open(data, "w", format=container) as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"g": "10", "bf": "2", "qp": "1"}
        for index in range(frames):
            pixels = np.full((48, 64, 3), 8 * index, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return data.getvalue()


@pytest.fixture(scope="module")
def video() -> bytes:
    return make_video(30)


def test_facts_are_those_of_the_container(video: bytes) -> None:
    """Count, rate and size are read, the rate is not assumed."""
    assert video_facts(video, "v.mp4") == VideoFacts(frames=30, fps=49.0, width=64, height=48)


def test_frames_are_counted_where_the_header_gives_no_number() -> None:
    """Matroska keeps no frame count."""
    assert video_facts(make_video(17, "matroska"), "v.mkv").frames == 17


def test_wanted_frames_come_in_order_with_their_own_pixels(video: bytes) -> None:
    """Frame i is the i-th picture, whatever order the indices are given in and frames are stored in."""
    found = list(decode_frames(video, [29, 3, 0, 14], "v.mp4"))
    assert [index for index, _ in found] == [0, 3, 14, 29]
    for index, pixels in found:
        assert pixels.shape == (48, 64, 3)
        assert pixels.dtype == np.uint8
        assert np.abs(pixels.astype(int) - 8 * index).max() <= 3


def test_a_file_and_its_bytes_give_the_same_pixels(video: bytes, tmp_path: Path) -> None:
    """Repeated decoding is bit-identical."""
    (tmp_path / "v.mp4").write_bytes(video)
    first = dict(decode_frames(video, [7, 8], "v.mp4"))
    second = dict(decode_frames(tmp_path / "v.mp4", [7, 8], "v.mp4"))
    assert all(np.array_equal(first[index], second[index]) for index in (7, 8))


def test_no_wanted_frames_is_no_work() -> None:
    """Nothing wanted, nothing decoded: not even damage at the end is seen."""
    assert list(decode_frames(make_video(2), [], "v.mp4")) == []


def test_a_frame_beyond_the_end_is_a_problem(video: bytes) -> None:
    """The frames before it have been given by then."""
    frames = decode_frames(video, [29, 30], "v.mp4")
    assert next(frames)[0] == 29
    with pytest.raises(MemberProblem, match=r"video_unreadable: v\.mp4: the video has no frame 30"):
        next(frames)


def damage(video: bytes) -> bytes:
    start = video.index(b"mdat") + 900
    return video[:start] + bytes(200) + video[start + 200 :]


@pytest.mark.parametrize("break_it", [lambda v: v[: len(v) // 2], damage, lambda v: b"not a video", lambda v: b""])
def test_a_damaged_video_is_a_problem_not_a_picture(video: bytes, break_it: object) -> None:
    """The decoder must not conceal damage with made-up pictures."""
    assert callable(break_it)
    with pytest.raises(MemberProblem) as caught:
        list(decode_frames(break_it(video), range(30), "videos/v.mp4"))
    assert caught.value.reason == "video_unreadable"
    assert "videos/v.mp4" in caught.value.detail
