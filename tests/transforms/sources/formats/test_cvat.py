"""Pictures of a CVAT task with a frame step get objects only if they are numbered as its frames."""

import pytest

from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

RENUMBERED = range(12)
OWN = range(0, 120, 10)


def task(meta: str) -> bytes:
    """Images of every tenth frame of a video, with one box each."""
    box = '<box label="cyst" xtl="4.5" ytl="4" xbr="20" ybr="20"/>'
    images = "".join(
        f'<image id="{at}" name="frame_{frame:06d}" width="64" height="48">{box}</image>'
        for at, frame in enumerate(OWN)
    )
    return f"<annotations><meta><task>{meta}</task></meta>{images}</annotations>".encode()


@pytest.mark.parametrize(
    ("numbers", "meta", "missing"),
    [
        (RENUMBERED, "<frame_filter>step=10</frame_filter>", 12),
        (OWN, "<frame_filter>step=10</frame_filter>", 0),
        (RENUMBERED, "", 10),
    ],
)
def test_pictures_numbered_one_by_one_are_other_frames(numbers: range, meta: str, missing: int) -> None:
    """Without a step in the task nothing says that they are frames: those of equal names join."""
    pictures = {f"images/frame_{number:06d}.jpg": draw(str(number)) for number in numbers}
    found = inspect_source(MemoryMembers({**pictures, "annotations.xml": task(meta)}), {})
    hints = {hint.key: hint.text for hint in found.hints}
    assert ("frames_renumbered" in hints) == (missing == 12)
    said = hints.get("picture_missing", "0 pictures")
    assert said.startswith(f"{missing} pictures")
