"""An inspection counts pictures of the source alone, and its hints and answers are those that a build takes."""

import json
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from medmultipoints.transforms.sources.inspecting.inspection import Inspection, inspect_source
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers


def inspected(files: Mapping[str, bytes], stated: Mapping[str, Any] | None = None) -> Inspection:
    return inspect_source(MemoryMembers(files), stated or {})


def coco(*pictures: str) -> bytes:
    boxes = [{"id": at, "image_id": at, "category_id": 1, "bbox": [4, 4, 9, 9]} for at, _ in enumerate(pictures)]
    images = [{"id": at, "file_name": name, "width": 64, "height": 48} for at, name in enumerate(pictures)]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cyst"}]}
    return json.dumps(document).encode()


def png(values: np.ndarray[Any, Any]) -> bytes:
    return cv2.imencode(".png", values)[1].tobytes()


def test_pictures_that_annotations_name_in_vain_are_not_counted() -> None:
    """Neither one that is not there, nor a name that several have."""
    files = {f"{place}/{name}.jpg": draw(place + name) for place in ("x", "y") for name in "ab"}
    found = inspected(files | {"coco.json": coco("a.jpg", "gone.jpg")})
    assert found.pictures == 4
    assert {"picture_ambiguous", "picture_missing"} <= {hint.key for hint in found.hints}


def test_labels_that_differ_in_case_are_hinted_with_the_line_that_unites_them() -> None:
    """In every format; with that line they are one label."""
    names = {"a.jpg": "Zyste", "b.jpg": "zyste", "c.jpg": "Zyste"}
    rows = "".join(f"{name},{label},1,1,9,9\n" for name, label in names.items())
    files = {name: draw(name) for name in names} | {"t.csv": b"image,label,x1,y1,x2,y2\n" + rows.encode()}
    (hint,) = [hint for hint in inspected(files).hints if hint.key == "labels_alike"]
    assert hint.text.endswith('in [read.labels]: "zyste" = "Zyste"')
    united = inspected(files, {"labels": {"zyste": "Zyste"}})
    assert united.objects == {"Zyste": 3}
    assert "labels_alike" not in {hint.key for hint in united.hints}


def test_a_label_for_all_objects_is_that_of_masks_too() -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[9:20, 9:30] = 255
    files = {"images/a.jpg": draw("a"), "masks/a.png": png(mask)}
    assert "masks.label" in {question.key for question in inspected(files).questions}
    found = inspected(files, {"label": "nucleus"})
    assert found.objects == {"nucleus": 1}
    assert "masks.label" not in {question.key for question in found.questions}
    own = inspected(files, {"label": "nucleus", "masks": {"label": "cell"}})
    assert own.objects == {"cell": 1}


def test_the_patterns_that_are_hinted_for_folders_of_a_case_each_join_masks() -> None:
    """With an overlay and a thumbnail next to picture and mask, no name says which belong together."""
    files = {}
    for case in "abc":
        picture = cv2.imdecode(np.frombuffer(draw(case), np.uint8), cv2.IMREAD_COLOR)
        mask = np.zeros(picture.shape[:2], np.uint8)
        mask[9:20, 9:30] = 255
        over = cv2.addWeighted(picture, 0.5, picture[:, ::-1], 0.5, 0)
        shown = {"image": picture, "mask": mask, "overlay": over, "thumb": picture[::4, ::4]}
        files |= {f"case {case}/{name}.png": png(values) for name, values in shown.items()}
    (hint,) = [hint for hint in inspected(files).hints if hint.key == "masks_unjoined"]
    assert hint.text.endswith('such as "{case}/image.png" and "{case}/mask.png"')
    patterns = {"images": "{case}/image.png", "annotations": "{case}/mask.png"}
    found = inspected(files, {"format": "masks", "label": "cyst", "masks": {"object": "component"}} | patterns)
    assert (found.pictures, found.objects) == (3, {"cyst": 3})


def test_masks_of_fractions_are_named_and_no_threshold_is_assumed() -> None:
    """Alone, and next to annotations that would have them as pictures."""
    rows, columns = np.mgrid[:48, :64]
    values = (1 / (1 + np.exp((np.hypot(rows - 24, columns - 32) - 12) / 2))).astype(np.float32)
    soft = cv2.imencode(".tif", values)[1].tobytes()
    pictures = {f"{name}.jpg": draw(name) for name in "ab"}
    alone = inspected(pictures | {"masks/a.tif": soft, "masks/b.tif": soft})
    assert not alone.objects
    other = inspected(pictures | {"a_prob.tif": soft, "c.json": coco("a.jpg", "b.jpg")})
    for found, count in ((alone, "2 pictures"), (other, "1 picture")):
        (hint,) = [hint for hint in found.hints if hint.key == "soft_masks"]
        assert hint.text.startswith(f"{count} of those looked at, such as ")
        assert "no threshold is assumed" in hint.text


def test_columns_that_no_key_names_are_listed_once() -> None:
    """Not those that are read, asked for or named; of COCO the keys of annotations apart, which no key can name."""
    rows = "".join(f"{name}.jpg,cyst,1,1,9,9,p{at // 2},CT,7\n" for at, name in enumerate("abcd"))
    header = b"image,label,x1,y1,x2,y2,patient,Modalit\xc3\xa4t,Alter\n"
    files = {f"{name}.jpg": draw(name) for name in "abcd"} | {"t.csv": header + rows.encode()}
    (hint,) = [hint for hint in inspected(files).hints if hint.key == "columns_not_used"]
    assert hint.text.startswith("columns not used: Modalität, Alter; ")
    named = inspected(files, {"columns": {"modality": "{Modalität}", "organ": "{Alter}"}})
    assert "columns_not_used" not in {hint.key for hint in named.hints}
    document = json.loads(coco("a.jpg"))
    document["images"][0]["scanner"] = "X"
    document["annotations"][0]["difficulty"] = 1
    found = inspected({"a.jpg": draw("a"), "c.json": json.dumps(document).encode()})
    (hint,) = [hint for hint in found.hints if hint.key == "columns_not_used"]
    assert hint.text.startswith("columns not used: scanner; ")
    assert hint.text.endswith("; keys of annotations not read: difficulty")


def test_class_numbers_of_run_lengths_are_labels_whose_names_are_asked() -> None:
    """``ClassId``, as Kaggle writes it; a table of codes and names in the source answers."""
    rows = "".join(
        f"{name}.jpg,{label},{label * 500} 5 {label * 500 + 48} 5 {label * 500 + 96} 5\n"
        for name in "ab"
        for label in (1, 3)
    )
    files = {f"{name}.jpg": draw(name) for name in "ab"} | {"t.csv": b"ImageId,ClassId,EncodedPixels\n" + rows.encode()}
    found = inspected(files)
    assert found.read["fields"]["label"] == "ClassId"
    (question,) = [question for question in found.questions if question.key == "labels"]
    assert question.text == 'What are the class numbers 1, 3? Give { "1" = "…", "3" = "…" }.'
    named = inspected(files | {"names.csv": b"1,pit\n3,scratch\n"})
    assert named.read["labels"] == {"1": "pit", "3": "scratch"}
    assert set(named.objects) == {"pit", "scratch"}


def without_sizes(scale: float) -> bytes:
    """Boxes over the whole of two pictures of 64 x 48 pixels, drawn at a scale; no picture's size is stated."""
    corners = [(2, 2), (40, 2), (2, 30), (40, 30)]
    boxes = [[x * scale, y * scale, 20 * scale, 16 * scale] for x, y in corners]
    entries = [(image, box) for image in (0, 1) for box in boxes]
    images = [{"id": 0, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]
    found = [{"id": at, "image_id": image, "category_id": 1, "bbox": box} for at, (image, box) in enumerate(entries)]
    return json.dumps({"images": images, "annotations": found, "categories": [{"id": 1, "name": "cyst"}]}).encode()


def test_boxes_of_coco_without_sizes_are_compared_with_the_pictures() -> None:
    """At half the size all lie in one quarter, which is hinted; at the pictures' size nothing is."""
    files = {name: cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes() for name in ("a.jpg", "b.jpg")}
    own, half = (inspected(files | {"c.json": without_sizes(scale)}) for scale in (1, 0.5))
    assert own.recognition is not None
    (proof,) = [proof.text for proof in own.recognition.proofs if proof.key == "boxes.form"]
    sizes = "2 sizes of pictures not stated: compared with the pictures' own"
    assert proof == f"8 of 8 boxes lie in their picture so; {sizes}"
    assert "boxes_in_a_quarter" not in {hint.key for hint in own.hints}
    (hint,) = [hint for hint in half.hints if hint.key == "boxes_in_a_quarter"]
    assert hint.text.startswith("all 8 boxes and outlines lie in the upper left quarter of their pictures")
    twice = inspected(files | {"c.json": without_sizes(2)})
    assert "6 boxes reach beyond the picture's frame" in {hint.text for hint in twice.hints}


def test_names_that_differ_in_leading_zeros_are_hinted() -> None:
    """Of pictures in annotations, and of masks, which the hinted hole then joins."""
    photos = {f"images/case{at:03d}.jpg": draw(str(at)) for at in (1, 2)}
    found = inspected(photos | {"coco.json": coco("case1.jpg", "case2.jpg")})
    (hint,) = [hint for hint in found.hints if hint.key == "pictures_not_named"]
    assert hint.text.endswith("case1 and case001 differ in leading zeros alone: write them alike")
    mask = np.zeros((48, 64), np.uint8)
    mask[9:20, 9:30] = 255
    masks = photos | {f"masks/case{at}.png": png(mask) for at in (1, 2)}
    (hint,) = [hint for hint in inspected(masks).hints if hint.key == "masks_unjoined"]
    assert "with case{n:int} in both: case1 and case001 differ in leading zeros alone" in hint.text
    patterns = {"images": "images/case{n:int}.jpg", "annotations": "masks/case{n:int}.png"}
    read = {"format": "masks", "label": "cyst", "masks": {"object": "component"}}
    assert inspected(masks, read | patterns).objects == {"cyst": 2}
