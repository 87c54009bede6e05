"""Small instructions and pictures for the tests of the dialects, and strategies that draw more of them."""

import numpy as np
from hypothesis import strategies as st

from medmultipoints.transforms.dialects.conversations.prompts import Prompt
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.items import Contents, Item, Picture
from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.answers.published import PUBLISHED, Objects, answer_json, round_place
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Box, Point, ReleasedObject


def answer_text(task: str, objects: Objects) -> str:
    """The answer of a published task."""
    return write_fenced(answer_json(task, objects))


LABELS = ("cluster", "instrument", "normal", "polyps")
CONTENTS = Contents("tiny", "1.0.0", LABELS, ("CC-BY-4.0", "LicenseRef-research"), ("train",))
EXAMPLES = {
    "pointing": '[{"point_2d": [88.0, 305.4], "label": "polyp"}, {"point_2d": [297.5, 61.0], "label": "polyp"}]',
    "bounding": '[{"bbox_2d": [61.0, 210.0, 133.0, 288.0], "label": "polyp"}]',
    "counting": '{"counts": 4, "label": "polyp"}',
    "cnt_and_point": '{"counts": 2, "point_2d": [[212.5, 148.0], [431.0, 305.5]], "label": "polyp"}',
    "count_and_box": '{"counts": 1, "bbox_2d": [[61.0, 210.0, 133.0, 288.0]], "label": "polyp"}',
}
ASKS = {
    "pointing": "Point to every polyp in this image.",
    "bounding": "Draw a bounding box around every polyp.",
    "counting": "How many polyps are visible?",
    "cnt_and_point": "How many polyps are there, and where? Give a count and one point per polyp.",
    "count_and_box": "How many polyps are there, and where? Give a count and one box per polyp.",
}
Edges = tuple[float, float, float, float]
BOXES: tuple[Edges, ...] = ((38.0, 5.0, 430.0, 338.0), (241.5364532470703, 400.25, 622.0, 529.0))
SIZE = Size(622, 529)


def item(task: str, boxes: tuple[Edges, ...] = BOXES, size: Size = SIZE) -> Item:
    """An instruction of the task about polyps in these boxes; points are the centres."""
    points = [round_place([(x1 + x2) / 2, (y1 + y2) / 2]) for x1, y1, x2, y2 in boxes]
    coordinates = "" if task == "counting" else ", coordinates in pixels"
    request = f"Give a fenced JSON block{coordinates}, in the format of this example: {EXAMPLES[task]}"
    return Item(
        instruction_id=f"{'ab' * 32}:polyps:{task}",
        record_id=f"{'ab' * 32}:polyps",
        task=task,
        prompt=Prompt(ASKS[task], request),
        answer=answer_text(task, Objects("polyp", len(boxes), points, [list(box) for box in boxes])),
        image=f"images/{'ab' * 32}.jpg",
        size=size,
        label="polyps",
        points=tuple(tuple(point) for point in points),
    )


def found(number: int, label: str, box: Edges, **more: object) -> ReleasedObject:
    """An object; its point is the centre of its box."""
    place = Box(*box)
    return ReleasedObject(object_id=f"{label}:{number}", label=label, box=place, point=place.centre, **more)  # type: ignore[arg-type]


def masked(number: int, label: str, box: tuple[int, int, int, int], size: Size) -> ReleasedObject:
    """An object whose mask fills its box."""
    x1, y1, x2, y2 = box
    code = encode_rle(np.ones((y2 - y1, x2 - x1), np.uint8), x1, y1, *size)
    return found(number, label, (float(x1), float(y1), float(x2), float(y2)), rle=code)


def picture(stem: str, objects: tuple[ReleasedObject, ...], size: Size = SIZE, **more: object) -> Picture:
    """A picture of endoscopy whose polyps are all marked."""
    facts: dict[str, object] = {
        "sample_id": f"hyperkvasir/{stem}",
        "image_sha256": stem.encode().hex().rjust(64, "0"),
        "extension": "jpg",
        "source": "hyperkvasir",
        "stem": stem,
        "size": size,
        "original": size,
        "organ": "Lower GI",
        "classification": "pathological-findings",
        "licence": "CC-BY-4.0",
        "certain": ("polyps",),
        "objects": objects,
    }
    return Picture(**(facts | more))  # type: ignore[arg-type]


def frame(video: str, number: int, objects: tuple[ReleasedObject, ...], **more: object) -> Picture:
    """A frame of a video whose sperm and clusters are all marked."""
    facts: dict[str, object] = {"source": "visem_tracking", "organ": "Microscopy", "classification": "microscopy"}
    facts |= {"video_id": video, "frame_index": number, "fps": 49.0, "certain": ("cluster", "normal")}
    facts |= {"sample_id": f"visem_tracking/{video}_frame_{number}", "size": Size(640, 480)}
    return picture(f"{video}_frame_{number}", objects, **(facts | more))  # type: ignore[arg-type]


FIRST_FRAME = (
    found(3, "normal", (3.1, 4.2, 9.7, 11.3), track_id="zz"),
    found(4, "normal", (20.5, 30.25, 28.0, 36.5), track_id="aa"),
)
SECOND_FRAME = (
    found(5, "cluster", (100.0, 90.0, 180.0, 141.0)),
    found(6, "normal", (5.0, 6.0, 11.5, 13.0), track_id="zz"),
)
PICTURES = (
    picture("a", (masked(0, "polyps", (38, 5, 430, 338), SIZE), masked(1, "polyps", (441, 400, 622, 529), SIZE))),
    picture("b", ()),
    picture("c", (found(2, "instrument", (0.0, 0.0, 622.0, 529.0)),), licence="LicenseRef-research"),
    frame("11", 0, FIRST_FRAME),
    frame("11", 10, SECOND_FRAME),
    frame("11", 20, ()),
)


@st.composite
def sizes(draw: st.DrawFn) -> Size:
    """Sizes as the sources have them, and odd ones."""
    return Size(draw(st.integers(40, 2000)), draw(st.integers(40, 2000)))


@st.composite
def edges(draw: st.DrawFn, size: Size, least: float = 0.5) -> Edges:
    """A box inside a picture of this size, at least ``least`` px wide and high."""
    sides = []
    for side in size:
        low = draw(st.floats(0, side - least, width=32))
        high = draw(st.floats(low + least, side)) if low + least < side else float(side)
        sides.append((min(low, side - least), max(high, low + least / 2)))
    (x1, x2), (y1, y2) = sides
    return x1, y1, min(x2, size.width), min(y2, size.height)


@st.composite
def items(draw: st.DrawFn) -> Item:
    """An instruction of any task with up to six objects."""
    size = draw(sizes())
    boxes = tuple(draw(st.lists(edges(size), max_size=6)))
    return item(draw(st.sampled_from(PUBLISHED)), boxes, size)


def centre(box: Edges) -> Point:
    """The centre of a box."""
    return Box(*box).centre
