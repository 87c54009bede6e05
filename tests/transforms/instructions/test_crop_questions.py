"""An image and a crop of it: asked where one object is meant without doubt, proved from the crop's name."""

import json
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.pictures.crops import Crop, read_crop
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import clip_box
from tests.transforms.instructions.stage import ask, frame, picture, planted, reasons

TASK = "crop_grounding"
STILL = picture(
    "a",
    {"normal": {"1": (100, 100, 140, 130), "2": (300, 200, 330, 240)}, "cluster": {"3": (400, 300, 460, 360)}},
)
FRAME = frame("b", 0, {"pinhead": {"1": (20.5, 30.25, 51.75, 70.5)}})
PICTURES = [STILL, FRAME]


def crop_of(row: dict[str, Any]) -> Crop:
    """The crop that a row shows after its image."""
    image, path = row["image_files"]
    crop = read_crop(path)
    assert crop is not None
    assert (image, crop.image_sha256) == (row["image_file"], row["image_sha256"])
    return crop


def lone(*box: float, **facts: Any) -> dict[str, Any]:
    """An image of one polyp."""
    return picture("c", {"polyps": {"1": box}}, labels_exhaustive=["polyps"], **facts)


def many(number: int, box: tuple[float, ...]) -> list[dict[str, Any]]:
    """So many images of one polyp each, all at the same place."""
    names = ((f"{n:064x}", f"a/{n}") for n in range(number))
    return [
        lone(*box, image_sha256=sha256, sample_id=name, image_file=f"images/{sha256}.jpg") for sha256, name in names
    ]


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, Any]:
    """An image with up to six objects of two labels, at hundredths of a pixel."""
    things: dict[str, dict[str, list[float]]] = {}
    for number in range(draw(st.integers(1, 6))):
        x1, y1 = draw(st.integers(0, 62000)) / 100, draw(st.integers(0, 46000)) / 100
        x2, y2 = (low + draw(st.integers(100, 20000)) / 100 for low in (x1, y1))
        label = draw(st.sampled_from(["normal", "cluster"]))
        things.setdefault(label, {})[str(number)] = [x1, y1, min(x2, 640.0), min(y2, 480.0)]
    return picture("d", things)


@given(scenes(), st.integers(0, 99))
def test_what_is_asked_is_proved(scene: dict[str, Any], seed: int) -> None:
    """Whatever the objects and the seed, the proof derives each answer, and the crop holds its object and no other."""
    written = ask([scene], TASK, seed=seed)
    assert set(reasons([scene], written)) <= {""}
    for row in written.iter_rows(named=True):
        crop = crop_of(row)
        own = Box(*scene["things"][row["label"]][_track(scene, row)])
        seen = [
            box
            for things in scene["things"].values()
            for box in (
                Box(x1 - crop.x1, y1 - crop.y1, x2 - crop.x1, y2 - crop.y1) for x1, y1, x2, y2 in things.values()
            )
            if clip_box(box, crop.width, crop.height)
        ]
        assert [(box.width, box.height) for box in seen] == [(pytest.approx(own.width), pytest.approx(own.height))]
        assert crop.x1 < own.x1 < own.x2 < crop.x2 and crop.y1 < own.y1 < own.y2 < crop.y2


def _track(scene: dict[str, Any], row: dict[str, Any]) -> str:
    """The key of the object that a row rests on."""
    (object_id,) = row["object_ids"]
    return list(scene["things"][row["label"]])[int(object_id.rpartition(":")[2])]


def test_a_question_shows_the_image_and_then_the_crop() -> None:
    """One question a record, of stills and of frames; the answer is in pixels of the whole image."""
    written = ask(PICTURES, TASK)
    assert written["label"].to_list() == ["cluster", "normal", "pinhead"]
    assert written["prompt"].str.starts_with("<image><image> ").all()
    pinhead = written.row(2, named=True)
    assert json.loads(pinhead["answer"][8:-4]) == {"bbox_2d": [20.5, 30.2, 51.8, 70.5], "label": "pinhead sperm"}
    assert crop_of(pinhead).fits(640, 480)


def test_margins_are_drawn_side_by_side() -> None:
    """Between a tenth and a half of the box on each side, outwards to whole pixels: the edges give no answer away."""
    asked = ask(many(300, (200, 200, 300, 240)), TASK)
    crops = [crop_of(row) for row in asked.iter_rows(named=True)]
    margins = [(200 - c.x1, 200 - c.y1, c.x2 - 300, c.y2 - 240) for c in crops]
    for margin, side in zip(zip(*margins, strict=True), (100, 40, 100, 40), strict=True):
        assert math.ceil(0.1 * side) <= min(margin) <= 0.12 * side + 1
        assert 0.48 * side <= max(margin) <= math.ceil(0.5 * side)
    assert len({(left > right, top > bottom) for left, top, right, bottom in margins}) == 4


@pytest.mark.parametrize(
    ("things", "facts"),
    [
        ({"polyps": {"1": (200, 200, 260, 260)}}, {"labels_exhaustive": []}),
        ({"polyps": {"1": (0, 200, 60, 260)}}, {}),
        ({"polyps": {"1": (200, 200, 260, 260)}}, {"cut": ("1",)}),
        ({"polyps": {"1": (200, 200, 212, 260)}}, {}),
        ({"polyps": {"1": (100, 100, 400, 400)}}, {}),
        ({"polyps": {"1": (200, 200, 260, 260), "2": (255, 200, 315, 260)}}, {}),
        ({"polyps": {"1": (200, 200, 260, 260)}, "instrument": {"2": (190, 210, 640, 220)}}, {}),
    ],
    ids=[
        "perhaps not all annotated",
        "at the border",
        "cut",
        "too thin",
        "too large",
        "a neighbour",
        "of another label",
    ],
)
def test_nothing_is_asked_in_doubt(things: dict[str, Any], facts: dict[str, Any]) -> None:
    """A crop shows one object, whole, of a label whose objects are all known."""
    shown = picture("c", things, **{"labels_exhaustive": ["polyps"]} | facts)
    assert all(ask([shown], TASK, seed=seed).is_empty() for seed in range(20))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("{b}.crop.360.260.500.400.png", "crop_differs"),
        ("{a}.crop.380.280.480.500.png", "crop_differs"),
        ("{a}.crop.400.300.460.360.png", "crop_differs"),
        ("{a}.crop.300.280.480.380.png", "crop_differs"),
        ("{a}.crop.380.320.480.380.png", "crop_differs"),
        ("{a}.crop.290.190.480.380.png", "referent_not_unique"),
        ("{a}.crop.95.95.150.140.png", "referent_not_unique"),
        ("{a}.crop.0.400.60.460.png", "referent_not_unique"),
        ("{a}.crop.480.280.380.380.png", "crop_differs"),
        ("{a}.crop.380.280.480.380.jpg", "image_files_differ"),
        ("{a}.jpg", "image_files_differ"),
        ("{b}.jpg", "image_files_differ"),
        ("../{a}.crop.380.280.480.380.png", "image_files_differ"),
    ],
)
def test_another_crop_is_held(path: str, reason: str) -> None:
    """Of another image, beyond it, at the very edges, too wide, cutting the object, with two, of another, of none."""
    asked = ask(PICTURES, TASK).filter(label="cluster")
    shown = [STILL["image_file"], "images/" + path.format(a="a" * 64, b="b" * 64)]
    assert planted(PICTURES, asked, image_files=pl.lit(shown)) == {reason}


def test_a_right_crop_is_not_held() -> None:
    """The rows above are held for what was changed in them."""
    asked = ask(PICTURES, TASK).filter(label="cluster")
    shown = [STILL["image_file"], f"images/{'a' * 64}.crop.380.280.480.380.png"]
    assert planted(PICTURES, asked, image_files=pl.lit(shown)) == {""}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (pl.col("image_files").list.reverse(), "image_file_differs"),
        (pl.col("image_files").list.head(1), "image_files_differ"),
        (pl.col("image_files").list.concat(pl.col("image_files").list.tail(1)), "image_files_differ"),
        (pl.concat_list("image_file", "image_file"), "image_files_differ"),
    ],
)
def test_other_pictures_are_held(change: pl.Expr, reason: str) -> None:
    """The image first, then one crop of it."""
    assert planted(PICTURES, ask(PICTURES, TASK), image_files=change) == {reason}


@pytest.mark.parametrize("task", ["referring", "tracking", "bounding"])
def test_no_other_task_shows_a_crop(task: str) -> None:
    """A crop in the place of an image, or after it."""
    frames = [
        frame("b", 0, {"pinhead": {"1": (20, 30, 50, 70)}}),
        frame("e", 5, {"pinhead": {"1": (220, 30, 250, 70)}}),
    ]
    shown = [picture("a", {"normal": {"1": (9, 9, 40, 40)}, "cluster": {"2": (90, 90, 140, 140)}}), *frames]
    asked = ask(shown, task)
    assert asked.height > 0
    crop = pl.format("images/{}.crop.0.0.40.40.png", "image_sha256")
    wanted = {"image_files_differ", "image_file_differs"}
    assert planted(shown, asked, image_files=pl.concat_list("image_files", crop)) <= wanted
    assert planted(shown, asked, image_files=pl.concat_list(pl.col("image_files").list.head(1), crop)) <= wanted


@pytest.mark.parametrize(
    ("column", "pattern", "value", "reason"),
    [
        ("answer", r"\[\d+", "[7", "boxes_differ"),
        ("answer", r"\[.*\]", "[100.0, 100.0, 140.0, 130.0]", "boxes_differ"),
        ("answer", "sperm cluster", "normal sperm", "prompt_names_differ"),
        ("prompt", "<image><image>", "<image>", "prompt_unfinished"),
        ("prompt", "<image><image>", "<image><image><image>", "prompt_unfinished"),
        ("prompt", r"\. ", '. {"bbox_2d": [1.0, 2.0, 3.0, 4.0]} ', "given_differs"),
    ],
)
def test_another_answer_is_held(column: str, pattern: str, value: str, reason: str) -> None:
    """Another box, the box of another object, another name, other placeholders, a place that nobody asked about."""
    asked = ask(PICTURES, TASK).filter(label="cluster")
    assert planted(PICTURES, asked, **{column: pl.col(column).str.replace(pattern, value)}) == {reason}


def test_more_images_and_records_change_no_question() -> None:
    """Margins, object, name and wording hang on the record alone."""
    few, more = ask([STILL], TASK), ask([*PICTURES, lone(200, 200, 260, 260)], TASK)
    assert more.join(few, on=few.columns, how="semi").height == few.height == 2
    without = picture("a", {"cluster": STILL["things"]["cluster"]}, labels_exhaustive=["cluster"])
    assert ask([without], TASK).row(0) == few.row(0)


def test_a_share_is_asked() -> None:
    """The same questions as without a share, fewer of them."""
    pictures = many(100, (200, 200, 260, 260))
    every, some = ask(pictures, TASK), ask(pictures, TASK, shares={TASK: 0.25})
    assert every.height == 100
    assert 10 < some.height < 45
    assert some.join(every, on=every.columns, how="semi").height == some.height
