"""Sequences of MOT challenge are videos: their frames have a video, a number and a rate, or are named as not there."""

import pytest

from medmultipoints.transforms.sources.annotated import ReadProblem
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.registry import find_format
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

READ = declare({"format": "mot", "label": "cell", "boxes": {"frame": "inclusive-1"}})
MP4 = b"\0\0\0\x18ftypisom" + bytes(64)


def rows(first: int) -> bytes:
    return b"".join(b"%d,%d,10,10,20,20,1,1,1\n" % (at, track) for at in (first, first + 1) for track in range(1, 5))


@pytest.mark.parametrize("first", [0, 1])
def test_frames_have_the_video_number_and_rate_of_their_sequence(first: int) -> None:
    """Sequences of the same name in two folders are two videos; numbers begin at 0 however pictures are counted."""
    files = {}
    for place in ("train/s1", "test/s1"):
        pictures = {f"{place}/img1/{at:06d}.jpg": draw(f"{place}{at}") for at in (first, first + 1)}
        files |= pictures | {f"{place}/gt/gt.txt": rows(first)}
    files["train/s1/seqinfo.ini"] = b"[Sequence]\r\nname=s1\r\nframeRate=12.5\r\nseqLength=2\r\n"
    found = read_declared("s", READ, {}, MemoryMembers(files), find_format("mot").read)
    shown = [(one.video_id, one.frame_index, one.fps, one.group) for one in found.samples]
    assert sorted(shown[:2]) == [("test/s1", 0, None, "s1"), ("test/s1", 1, None, "s1")]
    assert sorted(shown[2:]) == [("train/s1", 0, 12.5, "s1"), ("train/s1", 1, 12.5, "s1")]
    assert all(one.image_member and one.video_member is None for one in found.samples)


@pytest.mark.parametrize(
    ("videos", "command"),
    [
        (["v/a clip.mp4"], "mkdir v/img1 && ffmpeg -i 'v/a clip.mp4' -fps_mode passthrough -q:v 2 v/img1/%06d.jpg"),
        (["a.mp4", "b.mp4"], "ffmpeg -i VIDEO "),
    ],
)
def test_a_video_instead_of_pictures_is_named_with_the_command(videos: list[str], command: str) -> None:
    files = MemoryMembers({"v/gt/gt.txt": rows(1)} | dict.fromkeys(videos, MP4))
    (problem,) = find_format("mot").read(READ, files)
    assert isinstance(problem, ReadProblem)
    assert (problem.key, problem.reason) == ("v/gt/gt.txt", "frames_not_decoded")
    assert f"the frames of {', '.join(videos)} are not decoded" in problem.detail and command in problem.detail
    hints = [hint.text for hint in inspect_source(files, {}).hints if hint.key == "frames_not_decoded"]
    assert len(hints) == 1 and command in hints[0]
