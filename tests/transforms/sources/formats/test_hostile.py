"""Bad input: each fault has a reason, valid entries are still read, and nothing ends in a traceback."""

import gzip
import io
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.nifti import read_volume
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, ReadProblem
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.reading.records.table_columns import read_number
from medmultipoints.transforms.sources.registry import find_format
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import coco, dump, pictures, voc, yolo
from tests.transforms.sources.formats.scenes import SCENES


def read_all(files: dict[str, bytes], **answers: Any) -> tuple[Counter[str], list[AnnotatedPicture], list[str]]:
    """Reasons of problems, pictures, and keys of hints of a source."""
    answered = nest_keys({key.replace("__", "."): value for key, value in answers.items()})
    found = inspect_source(MemoryMembers(files), answered)
    held = read_with(found, files)
    reasons = Counter(item.reason for item in held if isinstance(item, ReadProblem))
    return reasons, [item for item in held if isinstance(item, AnnotatedPicture)], [hint.key for hint in found.hints]


def read_with(found: Inspection, files: dict[str, bytes]) -> list[AnnotatedPicture | ReadProblem]:
    declaration = declare(found.used)
    return list(find_format(declaration.format).read(declaration, MemoryMembers(files)))


def with_coco(change: Any) -> dict[str, bytes]:
    held = coco(SCENES, "polygon")
    change(held)
    return {"a.json": json.dumps(held).encode(), **pictures()}


def test_an_xml_bomb_is_named() -> None:
    """Entities are refused; the other files are read."""
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>' + voc(SCENES[0], 0, 0).replace(
        b"wbc", b"&c;"
    )
    files = {f"x/{s.stem}.xml": voc(s, 0, 0) for s in SCENES} | {"x/cell_001.xml": bomb} | pictures()
    reasons, read, _ = read_all(files)
    assert reasons == {"xml_unsafe": 1}
    assert sum(len(picture.annotations) for picture in read) == 6


def test_xml_that_is_cut_off_is_named() -> None:
    """Half a file is no annotation."""
    files = {f"x/{s.stem}.xml": voc(s, 0, 0) for s in SCENES} | pictures()
    files["x/cell_001.xml"] = files["x/cell_001.xml"][:-60]
    assert read_all(files)[0] == {"xml_damaged": 1}


@pytest.mark.parametrize(
    ("change", "reason", "count"),
    [
        (lambda h: h["annotations"][0].update(category_id=77), "category_unknown", 1),
        (lambda h: h["categories"].append({**h["categories"][-1], "name": "twin"}), "category_unknown", 1),
        (lambda h: h["annotations"][0].update(image_id=77), "image_unknown", 1),
        (lambda h: h["annotations"][0].update(bbox=[float("nan"), 1, 2, 3]), "box_not_a_number", 1),
        (lambda h: h["annotations"][0].update(bbox=[5, 5, 0, 0], segmentation=[]), "box_zero_extent", 1),
        (lambda h: h["annotations"][0].update(bbox=[500, 500, 10, 10]), "box_outside_image", 1),
        (lambda h: h["annotations"][0].update(segmentation={"size": [5, 5], "counts": [25]}), "rle_other_size", 1),
        (lambda h: h["annotations"][0].update(segmentation={"size": [90, 120], "counts": [3, 4]}), "rle_damaged", 1),
        (lambda h: h["images"].append({**h["images"][0], "id": 555, "file_name": "gone.png"}), "picture_missing", 1),
        (lambda h: h["images"].append({**h["images"][0], "id": 555}), None, 0),
    ],
)  # fmt: skip
def test_a_fault_in_coco_is_named(change: Any, reason: str | None, count: int) -> None:
    """One bad entry is a problem with a reason; all others are read."""
    reasons, read, _ = read_all(with_coco(change))
    assert reasons == ({reason: count} if reason else {})
    assert sum(len(picture.annotations) for picture in read) >= 8


def test_a_picture_that_is_listed_twice_is_read_once() -> None:
    """Annotations of the second entry are reported one by one, not merged silently."""

    def twice(held: Any) -> None:
        held["images"].append({**held["images"][0], "id": 555})
        held["annotations"].append({**held["annotations"][0], "id": 999, "image_id": 555})

    reasons, read, _ = read_all(with_coco(twice))
    assert reasons == {"picture_annotated_twice": 1}
    assert sum(len(picture.annotations) for picture in read) == 9


def test_entries_of_one_id_have_different_keys() -> None:
    """Two bad annotations of one id are two problems, and a repeated one is not taken for the first."""

    def repeat(held: Any) -> None:
        first = held["annotations"][0]
        held["annotations"] += [first, {**first, "id": 7777, "image_id": 70}, {**first, "id": 7777, "image_id": 71}]

    files = with_coco(repeat)
    found = inspect_source(MemoryMembers(files), {})
    read = list(find_format("coco").read(declare(found.read), MemoryMembers(files)))
    problems = [one.key for one in read if isinstance(one, ReadProblem)]
    keys = [one.key for picture in read if isinstance(picture, AnnotatedPicture) for one in picture.annotations]
    assert len(set(problems)) == len(problems) == 2
    assert len(set(keys)) == len(keys) == 10


def test_polygons_that_enclose_nothing_leave_their_box() -> None:
    """A polygon of two points adds a hint; its object is kept with its box."""

    def flatten(held: Any) -> None:
        held["annotations"][0]["segmentation"] = [[1, 1, 2, 2]]
        held["annotations"][1]["segmentation"] = [[40, 10, 60, 34, 60, 10, 40, 34]]

    reasons, read, hints = read_all(with_coco(flatten))
    assert not reasons
    assert {"polygon_too_few_points", "self_crossing"} <= set(hints)
    assert Counter(a.evidence for picture in read for a in picture.annotations) == {"polygon": 8, "box": 1}


def test_names_that_lead_out_of_the_source_read_nothing_outside() -> None:
    """Absolute paths and ``..`` are reported, and joined only by their last part."""

    def lead_out(held: Any) -> None:
        for image in held["images"]:
            image["file_name"] = f"../../etc/{image['file_name']}"
        held["images"][-1]["file_name"] = "/etc/passwd"

    reasons, read, hints = read_all(with_coco(lead_out))
    assert reasons == {"picture_missing": 1}
    assert "unsafe_names" in hints
    assert {picture.member for picture in read} == {f"images/{s.stem}.png" for s in SCENES}


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        (".gone.png", True),
        ("._gone.png", True),
        (".DS_Store", True),
        (".cache/gone.png", True),
        ("..\\.gone.png", True),
        ("gone.png", False),
        ("../gone.png", False),
        ("/home/.local/gone.png", False),
        ("C:\\.local\\gone.png", False),
    ],
)
def test_a_picture_of_a_hidden_name_is_not_told_as_missing(name: str, hidden: bool) -> None:
    """Hidden files are never read, whether they are there or not."""
    files = with_coco(lambda held: held["images"].append({**held["images"][0], "id": 555, "file_name": name}))
    files |= {"images/.gone.png": b"", "images/.cache/gone.png": pictures()[f"images/{SCENES[0].stem}.png"]}
    found = inspect_source(MemoryMembers(files), {})
    (problem,) = [one for one in read_with(found, files) if isinstance(one, ReadProblem)]
    assert ("picture_missing", hidden) == (problem.reason, "begin with a dot" in problem.detail)
    assert hidden != problem.detail.endswith("is in this source")


def test_boxes_beyond_the_frame_are_counted_by_inspect_and_cut() -> None:
    """Rounded decimals and boxes that truly lead out are counted apart; neither is rejected."""
    rows = ["0.9 0.5 0.200001 0.2", "0.9 0.5 0.200001 0.2", "0.95 0.5 0.2 0.2", "0.9 0.5 0.2 0.2"]
    files = {f"images/{s.stem}.png": pictures()[f"images/{s.stem}.png"] for s in SCENES[:1]}
    files[f"labels/{SCENES[0].stem}.txt"] = "".join(f"0 {row}\n" for row in rows).encode()
    found = inspect_source(MemoryMembers(files), {"classes": ["polyp"]})
    said = {hint.key: hint.text.split(" ")[0] for hint in found.hints}
    assert ("1", "2") == (said["beyond_frame"], said["rounded_beyond_frame"])
    (picture,) = [one for one in read_with(found, files) if isinstance(one, AnnotatedPicture)]
    assert 4 == len(picture.annotations)


def test_a_json_that_is_cut_off_is_named() -> None:
    """Half a document is a hint, and no annotations are invented."""
    files = {"a.json": dump(coco(SCENES))[:-50], **pictures()}
    found = inspect_source(MemoryMembers(files), {})
    assert found.questions
    assert not found.objects


def test_faults_in_yolo_lines_are_named_by_line() -> None:
    """NaN, numbers beyond 1, unknown classes, short lines and boxes without extent: one problem each."""
    files = {f"labels/{s.stem}.txt": yolo(s) for s in SCENES} | pictures()
    files["data.yaml"] = b"names: [rbc, wbc, platelet]\n"
    files["labels/cell_002.txt"] += (
        b"\n9 0.5 0.5 0.1 0.1\n0 nan 0.5 0.1 0.1\n0 0.5 0.5\n0 55 40 20 20\n0 0.5 0.5 0 0.1\nx 0 0 1 1\n"
    )
    reasons, read, _ = read_all(files)
    assert reasons == {
        "category_unknown": 2,
        "not_a_fraction": 2,
        "line_too_short": 1,
        "box_zero_extent": 1,
    }
    assert sum(len(picture.annotations) for picture in read) == 9


def test_a_missing_label_file_is_not_an_empty_one() -> None:
    """An empty file states that there are no objects; a missing file states nothing."""
    files = (
        {f"labels/{s.stem}.txt": yolo(s) for s in SCENES} | pictures() | {"data.yaml": b"names: [rbc, wbc, platelet]\n"}
    )
    del files["labels/cell_003.txt"]
    _, read, hints = read_all(files)
    assert {picture.member: picture.annotated for picture in read}["images/cell_005.png"]
    assert not {picture.member: picture.annotated for picture in read}["images/cell_003.png"]
    assert {"label_files_missing", "empty_files"} <= set(hints)


def test_a_pickled_array_is_refused() -> None:
    """An array of Python objects would run code: it is never loaded."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(MemberProblem, match="not an array of numbers"):
        read_codes(MaskLayer(member="a.npy", label="x"), {"a.npy": buffer.getvalue()}.__getitem__)


def test_a_volume_that_is_cut_off_is_named() -> None:
    """A truncated NIfTI file is a problem, not half a volume."""
    nibabel = pytest.importorskip("nibabel")
    noise = np.random.Generator(np.random.PCG64(1)).integers(0, 999, (9, 8, 7), dtype=np.int16)
    data = nibabel.Nifti1Image(noise, np.eye(4)).to_bytes()
    assert read_volume(data, "a.nii").values.shape == (9, 8, 7)
    for cut in (data[:-100], gzip.compress(data)[:-40], gzip.compress(data[:-200])):
        with pytest.raises(MemberProblem) as problem:
            read_volume(cut, "a.nii.gz")
        assert problem.value.reason == "truncated_image"


def test_a_pointer_of_git_lfs_is_named() -> None:
    """A Git LFS pointer is not a picture: the message names the command to run."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n"
    files = {"a.json": dump(coco(SCENES)), **dict.fromkeys(pictures(), pointer)}
    assert "lfs_pointers" in read_all(files)[2]


def test_nothing_known_is_asked() -> None:
    """A folder of pictures alone is no error: its format is asked."""
    found = inspect_source(MemoryMembers(pictures()), {})
    assert [question.key for question in found.questions] == ["format"]
    assert found.pictures == len(SCENES)


@pytest.mark.parametrize("value", ["0.1_25", "\u0661\u0662", "0x10", "1,5", "nan", "\u00b2"])
def test_numbers_of_tables_are_plain_decimals(value: str) -> None:
    """``float`` takes underlines and digits of other scripts."""
    assert np.isnan(read_number(value))
    assert np.isnan(read_number("1.234", ",")), "a point that is no decimal sign"
    assert 1.5 == read_number(" 1,5 ", ",")


def test_a_blank_cell_of_a_track_moves_no_other() -> None:
    rows = b"""1,1,10,10,20,20,1,1,1
2,1,,10,20,20,1,1,1
1.5,1,10,10,20,20,1,1,1
3,1,1_0,10,20,20,1,1,1
4,1,10,10,20,20,1,1,1,
""" + b"".join(b"4,%d,10,10,20,20,1,1,1\n" % track for track in range(2, 12))
    files = {f"seq/img1/{number:06d}.jpg": draw(str(number)) for number in range(1, 5)} | {"seq/gt/gt.txt": rows}
    read = list(find_format("mot").read(declare({"format": "mot"}), MemoryMembers(files)))
    damaged = [one.key for one in read if isinstance(one, ReadProblem)]
    assert ["seq/gt/gt.txt#2", "seq/gt/gt.txt#3", "seq/gt/gt.txt#4"] == damaged
    assert 12 == sum(len(one.annotations) for one in read if isinstance(one, AnnotatedPicture))
