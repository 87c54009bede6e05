"""Every layout gives back the objects of its pictures, within its rounding; ids stay when rows are added."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.items import Picture, box_mark
from medmultipoints.transforms.dialects.registry import DIALECTS, Layout
from tests.transforms.dialects.decoders.registry import FILES, decode_files
from tests.transforms.dialects.samples import (
    CONTENTS,
    PICTURES,
    SIZE,
    Edges,
    edges,
    found,
    frame,
    masked,
    picture,
    sizes,
)

FORMS = {name: one.form for name, one in DIALECTS.items() if isinstance(one.form, Layout)}
ROUNDING = {"coco": 1e-9, "coco-keypoints": 1e-9, "yolo": 1e-4, "mot": 1e-3, "sa-med2d": 0.0}


def encoded(form: Layout, pictures: Iterable[Picture], split: str = "train") -> dict[str, bytes]:
    """Every file of the layout but the pictures."""
    files = [*form.encode(pictures, CONTENTS, split), *form.whole(CONTENTS)]
    assert len({path for path, _ in files}) == len(files)
    return {path: b"".join(chunks) for path, chunks in files}


def decoded(name: str, pictures: Iterable[Picture]) -> dict[str, list[Mark]]:
    """What the files say of each picture, by its path."""
    form = FORMS[name]
    paths = form.place(pictures, "train").paths
    found_sizes = {paths[one.sample_id]: one.size for one in pictures if one.sample_id in paths}
    return decode_files(name, encoded(form, pictures), "train", found_sizes)


def expected(name: str, pictures: Iterable[Picture]) -> dict[str, list[Mark]]:
    """The marks of each picture that has a place."""
    form = FORMS[name]
    paths = form.place(pictures, "train").paths
    marks = {}
    for one in pictures:
        if one.sample_id in paths:
            held = [thing for thing in one.objects if form.holds(thing)]
            marks[paths[one.sample_id]] = [
                Mark(thing.label, tuple(thing.point)) if name == "coco-keypoints" else box_mark(thing) for thing in held
            ]
    return marks


def close(a: dict[str, list[Mark]], b: dict[str, list[Mark]], tolerance: float) -> bool:
    if a.keys() != b.keys():
        return False
    for path in a:
        one, other = sorted(a[path], key=lambda mark: mark.numbers), sorted(b[path], key=lambda mark: mark.numbers)
        if [mark.name for mark in one] != [mark.name for mark in other]:
            return False
        pairs = zip(one, other, strict=True)
        if any(abs(x - y) > tolerance for p, q in pairs for x, y in zip(p.numbers, q.numbers, strict=True)):
            return False
    return True


def test_all_layouts_are_covered() -> None:
    assert FILES.keys() == FORMS.keys()


@pytest.mark.parametrize("name", [name for name in FORMS if name != "biomedparse"])
def test_the_samples_come_back(name: str) -> None:
    assert close(decoded(name, PICTURES), expected(name, PICTURES), ROUNDING[name])


@pytest.mark.parametrize("name", ["coco", "coco-keypoints", "yolo", "mot"])
@given(data=st.data())
def test_objects_come_back_within_the_rounding(name: str, data: st.DataObject) -> None:
    pictures = []
    for number in range(data.draw(st.integers(1, 3))):
        size = data.draw(sizes())
        boxes: list[Edges] = data.draw(st.lists(edges(size), max_size=4))
        things = tuple(
            found(10 * number + place, "normal", box, track_id=str(place)) for place, box in enumerate(boxes)
        )
        pictures.append(frame(f"v{number}", 0, things, size=size, original=size))
    back, wanted = decoded(name, pictures), expected(name, pictures)
    assert back.keys() == wanted.keys()
    for path, marks in wanted.items():
        for one, other in zip(back[path], marks, strict=True):
            assert max(abs(x - y) for x, y in zip(one.numbers, other.numbers, strict=True)) <= ROUNDING[name]


@st.composite
def apart(draw: st.DrawFn) -> Picture:
    """A picture with one or two masked objects at least 2 px apart, no side above 1,024."""
    size = Size(draw(st.integers(40, 300)), draw(st.integers(40, 300)))
    middle = size.width // 2
    spans = [(0, middle - 1), (middle + 1, size.width)]
    things = []
    for number, (low, high) in enumerate(spans[: draw(st.integers(1, 2))]):
        x1 = draw(st.integers(low, high - 2))
        y1 = draw(st.integers(0, size.height - 2))
        box = (x1, y1, draw(st.integers(x1 + 1, high)), draw(st.integers(y1 + 1, size.height)))
        things.append(masked(number, "polyps", box, size))
    return picture("m", tuple(things), size)


@given(one=apart())
@settings(max_examples=25)
def test_biomedparse_gives_boxes_back_within_a_pixel_of_the_square(one: Picture) -> None:
    step = max(one.size) / 1024
    assert close(decoded("biomedparse", [one]), expected("biomedparse", [one]), step)


@given(one=apart())
@settings(max_examples=25)
def test_sa_med2d_gives_boxes_back_exactly(one: Picture) -> None:
    assert close(decoded("sa-med2d", [one]), expected("sa-med2d", [one]), 0)


@pytest.mark.parametrize(
    ("facts", "sa_med2d", "biomedparse"),
    [
        ({"modality": "CT", "organ": "brain"}, "ct_00", "CT_brain"),
        ({"modality": "MR T1", "organ": "knee joint"}, "mr_t1_00", "MR-T1_knee-joint"),
        ({"modality": None, "organ": "brain"}, "unknown_00", "unknown_brain"),
        ({"modality": None, "organ": "Upper GI"}, "endoscopy_00", "endoscope_upper-gi"),
        ({"modality": None, "organ": "Microscopy"}, "microscopy_00", "microscopy_microscopy"),
    ],
)
def test_the_modality_is_the_stated_one_or_that_of_a_known_organ(
    facts: dict[str, Any], sa_med2d: str, biomedparse: str
) -> None:
    one = picture("m", (masked(0, "polyps", (10, 10, 20, 20), SIZE),), **facts)
    (path,) = FORMS["sa-med2d"].place([one], "train").paths.values()
    assert path.startswith(f"train/images/{sa_med2d}--")
    (path,) = FORMS["biomedparse"].place([one], "train").paths.values()
    assert path == f"train/hyperkvasir-m_{biomedparse}.png"


def test_masks_of_a_resized_picture_are_those_of_the_release() -> None:
    original, size = Size(1000, 800), Size(500, 400)
    big = masked(0, "polyps", (101, 60, 300, 250), original)
    small = found(0, "polyps", (50.5, 30.0, 150.0, 125.0), rle=big.rle)
    one = picture("r", (small,), size, original=original)
    for name in ("sa-med2d", "biomedparse"):
        assert close(decoded(name, [one]), expected(name, [one]), 1.0)
    annotation = orjson.loads(encoded(FORMS["coco"], [one])["annotations/instances_train.json"])["annotations"][0]
    assert annotation["segmentation"]["size"] == [400, 500]
    assert annotation["area"] == 100 * 95


def test_an_object_that_a_smaller_picture_loses_keeps_one_pixel() -> None:
    original, size = Size(1000, 1000), Size(100, 100)
    dot = masked(0, "polyps", (500, 500, 501, 501), original)
    one = picture("d", (found(0, "polyps", (50.0, 50.0, 50.1, 50.1), rle=dot.rle),), size, original=original)
    (marks,) = decoded("sa-med2d", [one]).values()
    assert marks == [Mark("polyps", (50.0, 50.0, 51.0, 51.0))]


def test_yolo_leaves_out_what_may_be_incomplete_and_never_a_label_file() -> None:
    unknown = picture("u", (), certain=())
    placement = FORMS["yolo"].place([*PICTURES, unknown], "train")
    # c shows an instrument, and only its polyps are certain to be complete
    assert placement.left_out == {"pictures whose labels are not certain to be complete": 2}
    files = encoded(FORMS["yolo"], [*PICTURES, unknown])
    labels = {path.split("/")[-1].removesuffix(".txt") for path in files if path.startswith("labels/")}
    assert labels == {path.split("/")[-1].removesuffix(".jpg") for path in placement.paths.values()}
    assert files[f"labels/train/{PICTURES[1].image_sha256}.txt"] == b""


def test_coco_ids_stay_when_pictures_are_added_or_come_in_another_order() -> None:
    def ids(pictures: list[Picture]) -> dict[str, set[int]]:
        content = orjson.loads(encoded(FORMS["coco"], pictures)["annotations/instances_train.json"])
        return {key: {row["id"] for row in content[key]} for key in ("images", "annotations", "categories")}

    fewer, more = ids(list(PICTURES[2:])), ids(list(PICTURES[::-1]))
    assert all(fewer[key] <= more[key] and min(more[key]) > 0 and max(more[key]) <= 2**52 for key in fewer)


def test_coco_says_which_absence_is_certain() -> None:
    content = orjson.loads(encoded(FORMS["coco"], PICTURES)["annotations/instances_train.json"])
    by_name = {row["sample_id"]: row for row in content["images"]}
    assert by_name["hyperkvasir/b"]["neg_category_ids"] == [4]
    assert by_name["hyperkvasir/b"]["not_exhaustive_category_ids"] == [1, 2, 3]
    assert by_name["hyperkvasir/a"]["neg_category_ids"] == []


def test_mot_counts_from_one_and_maps_tracks_in_sorted_order() -> None:
    files = encoded(FORMS["mot"], PICTURES)
    folder = "train/visem_tracking-11"
    assert files[f"{folder}/gt/gt.txt"].decode().splitlines() == [
        "1,1,21.5,31.25,7.5,6.25,1,3,1",
        "1,2,4.1,5.2,6.6,7.1,1,3,1",
        "2,2,6,7,6.5,7,1,3,1",
        "2,3,101,91,80,51,1,1,1",
    ]
    assert files[f"{folder}/tracks.csv"] == b"id,track_id\n1,aa\n2,zz\n"
    assert b"3,20,visem_tracking/11_frame_20" in files[f"{folder}/frames.csv"]


@pytest.mark.parametrize(
    ("numbers", "rate", "step"), [((0, 1, 2), "49", 1), ((0, 10, 20), "4.9", 10), ((0, 1, 5), "49", 0), ((7,), "49", 1)]
)
def test_mot_states_the_rate_of_the_listed_pictures(numbers: tuple[int, ...], rate: str, step: int) -> None:
    pictures = [frame("12", number, ()) for number in numbers]
    files = encoded(FORMS["mot"], pictures)
    info = files["train/visem_tracking-12/seqinfo.ini"].decode().splitlines()
    assert {f"frameRate={rate}", f"seqLength={len(numbers)}"} <= set(info)
    facts = orjson.loads(files["train/visem_tracking-12/video.json"])
    assert facts == {"source": "visem_tracking", "video_id": "12", "fps": 49.0} | ({"frame_step": step} if step else {})


def test_mot_states_no_rate_that_nobody_knows() -> None:
    info = encoded(FORMS["mot"], [frame("12", 0, (), fps=None)])["train/visem_tracking-12/seqinfo.ini"]
    assert b"rameRate" not in info


def test_frames_of_two_sizes_are_no_sequence() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        encoded(FORMS["mot"], [frame("12", 0, ()), frame("12", 1, (), size=Size(320, 240))])


@pytest.mark.parametrize("video", ["../../etc", "a/b", "", "x--y"])
def test_a_video_with_a_hostile_name_gets_a_plain_folder(video: str) -> None:
    paths = FORMS["mot"].place([frame(video, 0, ())], "train").paths.values()
    assert all(path.count("/") == 3 and ".." not in path for path in paths)
