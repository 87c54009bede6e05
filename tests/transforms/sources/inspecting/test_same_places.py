"""Masks and boxes of the same pictures become one declaration, if their objects lie in the same places."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import Files, coco, dump, pictures, voc
from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, encode


def masks(*, classes: bool = False, moved: int = 0) -> Files:
    """A mask per picture: 255 for every object, or the number of its label."""
    made = {}
    for scene in SCENES:
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        for thing in scene.things:
            drawn[thing.y1 : thing.y2, thing.x1 : thing.x2] = LABELS.index(thing.label) + 1 if classes else 255
        made[f"masks/{scene.stem}.png"] = encode(np.roll(drawn, moved, axis=1))
    return made


def authors_json(far: int = 0) -> Files:
    """Boxes of one label, as in Kvasir-SEG; ``far``: how much the last corner is smaller."""
    held = {
        scene.stem: {
            "bbox": [
                {"label": "cell", "xmin": t.x1, "ymin": t.y1, "xmax": t.x2 - far, "ymax": t.y2 - far}
                for t in scene.things
            ]
        }
        for scene in SCENES
    }
    return {"boxes.json": dump(held)}


def yolo() -> Files:
    made: Files = {"data.yaml": ("names: [" + ", ".join(LABELS) + "]").encode()}
    for scene in SCENES:
        lines = []
        for t in scene.things:
            centre = ((t.x1 + t.x2) / 2 / WIDTH, (t.y1 + t.y2) / 2 / HEIGHT)
            side = ((t.x2 - t.x1) / WIDTH, (t.y2 - t.y1) / HEIGHT)
            lines.append(" ".join(map(str, (LABELS.index(t.label), *centre, *side))))
        made[f"labels/{scene.stem}.txt"] = "\n".join(lines).encode()
    return made


VOC = {f"xml/{scene.stem}.xml": voc(scene, 1, 1) for scene in SCENES}
COCO = {"coco.json": dump(coco(SCENES))}


def inspected(*files: Files, **stated: Any) -> Inspection:
    return inspect_source(MemoryMembers(together(*files)), nest_keys(stated))


def together(*files: Files) -> Files:
    return {name: data for held in (pictures(), *files) for name, data in held.items()}


@pytest.mark.parametrize("boxes", [COCO, VOC, yolo()], ids=["coco", "voc", "yolo"])
def test_class_masks_and_boxes_of_a_format_need_no_answer(boxes: Files) -> None:
    """The boxes name the values of the masks, and the masks prove what the numbers of the boxes are."""
    found = inspected(masks(classes=True), boxes)
    assert ({}, COUNTS) == ({q.key: q.text for q in found.questions}, dict(found.objects))
    of_masks = found.read if found.read["format"] == "masks" else found.read["also"]["masks"]
    assert {"1": "rbc", "2": "wbc", "3": "platelet"} == of_masks["masks"]["values"]


@pytest.mark.parametrize(("far", "frame"), [(0, "edges"), (1, "inclusive-0")])
def test_binary_masks_prove_the_frame_and_boxes_the_label(far: int, frame: str) -> None:
    found = inspected(masks(), authors_json(far))
    assert ([], {"cell": 9}) == (list(found.questions), dict(found.objects))
    assert ("masks", "cell", frame) == (
        found.read["format"],
        found.read["masks"]["label"],
        found.read["also"]["json"]["boxes"]["frame"],
    )
    proofs = {proof.key: proof.text for proof in found.recognition.proofs} if found.recognition else {}
    assert proofs["also.json"] == "9 objects of both in one place, of 9 and 9 in 4 pictures"


def test_boxes_elsewhere_are_asked_as_before() -> None:
    """Masks that are moved by half a picture are of other objects: one of the formats must be chosen."""
    found = inspected(masks(moved=WIDTH // 2), authors_json())
    assert "format" in {question.key for question in found.questions}
    assert "also" not in found.read
    assert any(hint.key == "readings_differ" and " in one place, of " in hint.text for hint in found.hints)


def test_boxes_of_three_classes_are_not_joined_with_masks_of_one() -> None:
    """The mask's only label would hide two of the three classes."""
    assert "format" in {question.key for question in inspected(masks(), COCO).questions}
    said = next(hint.text for hint in inspected(masks(), COCO).hints if hint.key == "readings_differ")
    boxes = "'wbc' at 0, 0, 30, 25 and 'rbc' at 40, 10, 60, 34"
    assert said == f"one label of masks has several of coco in its places, such as {boxes}"


def test_two_files_of_boxes_are_no_further_evidence() -> None:
    assert "format" in {question.key for question in inspected(COCO, VOC).questions}


def test_a_stated_reading_is_taken_and_completed() -> None:
    found = inspected(masks(classes=True), COCO, format="coco", **{"also.masks.masks.object": "component"})
    assert (COUNTS, []) == (dict(found.objects), list(found.questions))


def test_labels_of_a_further_reading_are_renamed_to_those_in_the_same_places() -> None:
    found = inspected(masks(), authors_json(), **{"masks.label": "nucleus", "also.json.annotations": "boxes.json"})
    assert ({"nucleus": 9}, {"cell": "nucleus"}) == (dict(found.objects), found.read["also"]["json"]["labels"])


def test_a_reading_that_nothing_has_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"read\.also\.voc: nothing is read as the format voc"):
        inspected(masks(classes=True), COCO, format="coco", **{"also.voc.annotations": "*.json"})


def sample_of(files: Files, read: Mapping[str, Any]) -> Any:
    members = MemoryMembers(files)
    indexed = read_declared("s", declare(read), {}, members, read_pictures)
    check_members(members, indexed)
    return indexed


def test_each_picture_is_one_sample_with_the_annotations_of_all_readings() -> None:
    files = together(masks(), authors_json())
    indexed = sample_of(files, inspect_source(MemoryMembers(files), {}).read)
    assert len(indexed.samples) == len(SCENES)
    first = indexed.samples[0]
    assert [(1, "cell")] * 3 == [(one.reading, one.label) for one in first.annotations]
    assert [(0, "cell")] == [(layer.reading, layer.label) for layer in first.layers]
    assert {row.reason for row in indexed.exclusions} == set()


def test_boxes_of_a_picture_without_a_mask_are_its_objects() -> None:
    files = together(masks(), authors_json())
    del files["masks/cell_001.png"]
    held = inspect_source(MemoryMembers(files), {})
    assert {"cell": 9} == dict(held.objects)
    by_stem = {sample.stem: sample for sample in sample_of(files, held.read).samples}
    assert (3, 0) == (len(by_stem["cell_001"].annotations), len(by_stem["cell_001"].layers))


def test_an_unreadable_box_makes_the_count_of_its_label_uncertain() -> None:
    files = together(masks(), authors_json())
    read = inspect_source(MemoryMembers(files), {}).read
    held = json.loads(files["boxes.json"])
    held["cell_001"]["bbox"][0]["xmin"] = "x"
    files["boxes.json"] = dump(held)
    by_stem = {sample.stem: sample for sample in sample_of(files, read).samples}
    assert (("cell",), ()) == (by_stem["cell_001"].uncertain, by_stem["cell_002"].uncertain)
