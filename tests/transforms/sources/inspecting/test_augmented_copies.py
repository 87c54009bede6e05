"""Copies of one picture, as Roboflow names them, are asked about, and the original is a hole of the patterns."""

from typing import Any

import pytest

from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers
from tests.transforms.sources.formats.dataset_layouts import union
from tests.transforms.sources.formats.layouts import coco, dump, yolo
from tests.transforms.sources.formats.scenes import SCENES, Scene, encode

CLASSES = {"data.yaml": b"names: ['rbc', 'wbc', 'platelet']\n"}


def name_of(scene: Scene, copy: int) -> str:
    return f"v1.{scene.stem}_png.rf.{sum(map(ord, scene.stem)) * 9 + copy:032x}"


def export(copies: int, split: Any = lambda scene, copy: "train", last: str = ".jpg") -> dict[str, bytes]:
    """The given number of copies of each picture, with a label file each."""
    files: dict[str, bytes] = dict(CLASSES)
    for scene in SCENES:
        for copy in range(copies):
            place, name = split(scene, copy), name_of(scene, copy)
            files |= {f"{place}/images/{name}{last}": scene.jpg(), f"{place}/labels/{name}.txt": yolo(scene)}
    return files


def asked(found: Inspection) -> tuple[Any, ...]:
    return next(((one.choices, one.default, one.text) for one in found.questions if one.key == "groups.group"), ())


def test_the_original_of_several_copies_is_the_likely_group() -> None:
    """Once answered it is never asked again, and each group is one original, over all folders."""
    files = MemoryMembers(export(3, lambda scene, copy: ("train", "valid", "test")[copy]))
    choices, default, text = asked(inspect_source(files, {}))
    assert (choices, default) == (('"{original}"', '"picture"'), '"{original}"')
    assert f"Folders of splits divide {len(SCENES)} pictures" in text
    found = inspect_source(files, nest_keys({"groups.group": "{original}"}))
    assert not found.questions
    samples = read_declared("s", declare(found.read), {}, files, read_pictures).samples
    assert {sample.group for sample in samples} == {f"v1.{scene.stem}_png" for scene in SCENES}
    assert (
        len(samples)
        == 3 * len(SCENES)
        == sum(bool(sample.annotations) for sample in samples) + sum(not scene.things for scene in SCENES) * 3
    )


def test_one_copy_of_each_picture_is_not_asked_about() -> None:
    found = inspect_source(MemoryMembers(export(1)), {})
    assert (asked(found), found.read["images"]) == ((), "train/images/{stem}.jpg")


@pytest.mark.parametrize("stated", [{"images": "train/images/*.jpg"}, {"images": "train/images/{stem}.jpg"}])
def test_stated_patterns_without_the_original_have_no_likely_answer(stated: dict[str, str]) -> None:
    choices, default, text = asked(inspect_source(MemoryMembers(export(2)), stated))
    assert (choices, default) == (('"picture"',), None) and "Write {original}.rf.{copy} for the name in images" in text


def test_pictures_of_which_some_are_no_copies_have_no_likely_answer() -> None:
    other = {"train/images/other.jpg": SCENES[0].jpg(), "train/labels/other.txt": yolo(SCENES[0])}
    assert asked(inspect_source(MemoryMembers(export(2) | other), {}))[1] is None


def test_masks_and_documents_are_joined_with_their_copies() -> None:
    shots = {f"train/{name_of(s, at)}.jpg": s.jpg() for s in SCENES for at in (1, 2)}
    drawn = {f"train/{name_of(s, at)}_mask.png": encode(union(s)) for s in SCENES for at in (1, 2)}
    masks = {"format": "masks", "masks": {"label": "cell", "object": "component"}, "groups": {"group": "{original}"}}
    entries = {
        f"train/{at}.coco.json": dump(coco(SCENES, path=lambda s, at=at: f"{name_of(s, at)}.jpg")) for at in (1, 2)
    }
    for files, read in ((shots | drawn, masks), (shots | entries, {"groups": {"group": "{original}"}})):
        found = inspect_source(MemoryMembers(files), read)
        pictures = [
            one for one in read_pictures(declare(found.read), MemoryMembers(files)) if isinstance(one, AnnotatedPicture)
        ]
        assert len(pictures) == 2 * len(SCENES) and found.read["images"].endswith("{original}.rf.{copy}.jpg")
        assert sum(found.objects.values()) == 2 * sum(len(scene.things) for scene in SCENES)
