"""Tracks of CVAT: a frame's number must be its picture's."""

import io

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (64, 48), "gray").save(data, "PNG")
    return data.getvalue()


def tracks(frames: range, meta: str = "") -> bytes:
    boxes = "".join(
        f'<box frame="{frame}" outside="0" occluded="0" xtl="3" ytl="4" xbr="30" ybr="20"/>' for frame in frames
    )
    task = f"<meta><task><size>{len(frames)}</size>{meta}</task></meta>"
    return f'<annotations>{task}<track id="0" label="polyp">{boxes}</track></annotations>'.encode()


@pytest.mark.parametrize(
    ("frames", "pictures", "meta", "read"),
    [
        (range(8), range(8), "", 8),
        (range(10, 50, 5), range(10, 50, 5), "<start_frame>10</start_frame><frame_filter>step=5</frame_filter>", 8),
        (range(10, 50, 5), range(60), "<start_frame>10</start_frame><frame_filter>step=5</frame_filter>", 8),
        (range(10, 50, 5), range(20), "<start_frame>10</start_frame><frame_filter>step=5</frame_filter>", 0),
        (range(4, 12), range(8), "<start_frame>4</start_frame>", 0),
        (range(0, 16, 2), range(8), "", 0),
        (range(8), range(6), "", 6),
    ],
)
def test_frames_are_not_read_under_pictures_that_are_counted_otherwise(
    frames: range, pictures: range, meta: str, read: int
) -> None:
    """The tenth picture of a task that begins at frame 10 with steps of 5 is frame 55, not frame 10."""
    files = {f"frame_{number:06d}.png": picture() for number in pictures} | {"a.xml": tracks(frames, meta)}
    found = inspect_source(MemoryMembers(files), {"interpolate": "as-exported"})
    held = [
        one for one in read_pictures(declare(found.read), MemoryMembers(files)) if isinstance(one, AnnotatedPicture)
    ]
    assert sum(len(one.annotations) for one in held) == read
    assert ("frames_renumbered" in {hint.key for hint in found.hints}) == (read == 0)


def test_masks_of_tracks_are_read_row_by_row_in_their_own_rectangle() -> None:
    """Three of six pixels at 5, 7: the middle of the first row, and the outer two of the second."""
    shapes = "".join(
        f'<mask frame="{frame}" outside="{frame // 2}" occluded="0" rle="1,1,1,1,1,1" left="5" top="7" width="3" '
        'height="2"/>'
        for frame in range(3)
    )
    text = f'<annotations><meta/><track id="0" label="polyp">{shapes}</track></annotations>'
    files = MemoryMembers({f"frame_{at:06d}.png": picture() for at in range(3)} | {"a.xml": text.encode()})
    found = inspect_source(files, {})
    held = [one for one in read_pictures(declare(found.read), files) if isinstance(one, AnnotatedPicture)]
    assert [len(one.annotations) for one in held] == [1, 1, 0]
    (mask,) = held[0].annotations
    assert (mask.track_id, mask.label) == ("0", "polyp")
    rows, columns = np.nonzero(decode_rle(str(mask.rle), 48, 64))
    assert [(7, 6), (8, 5), (8, 7)] == list(zip(rows.tolist(), columns.tolist(), strict=True))
