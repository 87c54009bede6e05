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


def turned_video(degrees: int, hflip: bool = False) -> bytes:
    """A film 64 x 48 with a red corner top left and a blue one bottom right, and a header that turns it."""
    data = io.BytesIO()
    pixels = np.full((48, 64, 3), 40, np.uint8)
    pixels[:12, :12], pixels[-12:, -12:] = (255, 0, 0), (0, 0, 255)
    with av.open(data, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        stream.options = {"qp": "1"}
        stream.set_display_rotation(degrees, hflip)
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return data.getvalue()


@pytest.mark.parametrize(
    ("degrees", "size", "red"),
    [(0, (64, 48), (0, 0)), (90, (48, 64), (-1, 0)), (180, (64, 48), (-1, -1)), (-90, (48, 64), (0, -1))],
)
def test_a_film_is_turned_as_its_header_says(degrees: int, size: tuple[int, int], red: tuple[int, int]) -> None:
    """Degrees are counter-clockwise: players show the red corner there (row, column)."""
    film = turned_video(degrees)
    facts = video_facts(film, "v.mp4")
    ((_, pixels),) = decode_frames(film, [1], "v.mp4")
    assert (facts.width, facts.height) == size == pixels.shape[1::-1]
    assert pixels[red].tolist() == pytest.approx([255, 0, 0], abs=6)
    assert pixels[-1 - red[0], -1 - red[1]].tolist() == pytest.approx([0, 0, 255], abs=6)


def test_a_film_that_is_mirrored_is_refused_by_name() -> None:
    with pytest.raises(MemberProblem, match="mirrors, skews or scales"):
        list(decode_frames(turned_video(0, hflip=True), [0], "v.mp4"))


def test_frames_that_an_edit_list_hides_are_not_counted(video: bytes) -> None:
    """30 frames in the header, of which players show the last 20: numbers begin at the first that is shown."""
    at = video.index(b"elst") + 4  # version and flags, number of entries, then duration, media time and rate
    rate = int.from_bytes(video[(mdhd := video.index(b"mdhd") + 4) + 12 : mdhd + 16], "big")
    start = int.from_bytes(video[at + 12 : at + 16], "big") + 10 * rate // 49
    cut = video[: at + 12] + start.to_bytes(4, "big") + video[at + 16 :]
    assert video_facts(cut, "v.mp4").frames == 20
    frames = dict(decode_frames(cut, [0, 19], "v.mp4"))
    assert [round(float(frames[n].mean())) for n in (0, 19)] == pytest.approx([80, 232], abs=3)
    with pytest.raises(MemberProblem, match="no frame 20"):
        list(decode_frames(cut, [20], "v.mp4"))


def test_frames_that_may_be_missing_come_where_they_are(video: bytes) -> None:
    assert [index for index, _ in decode_frames(video, [3], "v.mp4", optional=[1, 40])] == [1, 3]
