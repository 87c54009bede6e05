"""Folders that hold several pictures each are asked about; splits, labels and single folders are not."""

import numpy as np
import pytest

from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from tests.members import MemoryMembers
from tests.transforms.sources.formats.dataset_layouts import union
from tests.transforms.sources.formats.scenes import LABELS, SCENES, encode

MASKS = {"masks.label": "polyp", "masks.object": "component"}


def asked(paths: list[str], answers: dict[str, str] = MASKS) -> tuple[str, ...]:
    """Return the choices of the question about groups for pictures with a mask each; empty without a question."""
    files = {}
    for path, scene in zip(paths, SCENES * 3, strict=False):
        files |= {f"{path}.jpg": scene.jpg(), f"{path}_Segmentierung.png": encode(union(scene))}
    found = inspect_source(MemoryMembers(files), nest_keys(answers))
    return next((one.choices for one in found.questions if one.key == "groups.group"), ())


def test_folders_of_patients_are_asked_about() -> None:
    """The likely answer is the folder; it is never asked again."""
    paths = [f"Patient {at // 3:02d}/Bild{at % 3}" for at in range(12)]
    assert asked(paths) == ('"{folder}"', '"picture"')
    for answer in ("{folder}", "picture"):
        assert asked(paths, {**MASKS, "groups.group": answer}) == ()


@pytest.mark.parametrize(
    "folder",
    [lambda at: "pictures", lambda at: ("train", "val", "test")[at % 3], lambda at: f"case{at}"],
    ids=["one folder", "splits", "a folder per picture"],
)
def test_simple_folders_are_not_asked_about(folder: object) -> None:
    """There is nothing that pictures share."""
    assert asked([f"{folder(at)}/Bild{at}" for at in range(12)]) == ()  # type: ignore[operator]


def test_a_folder_per_label_is_not_asked_about() -> None:
    """Labels are no groups."""
    paths = [f"{LABELS[at % 2]}/Bild{at}" for at in range(12)]
    assert asked(paths, {**MASKS, "masks.label": "{folder}"}) == ()


def test_one_pattern_that_reads_all_masks_is_taken_without_a_question() -> None:
    """Masks without flat areas are not found by name; the path joins them and all others, so nothing is asked."""
    files = {}
    for at in range(14):
        scene = SCENES[at % len(SCENES)]
        files[f"Patient {at // 3:02d}/Bild{at % 3}.jpg"] = scene.jpg()
        noise = np.random.default_rng(at).integers(0, 2, union(scene).shape).astype(np.uint8) * 255
        mask = noise if at > 11 else union(scene)
        files[f"Patient {at // 3:02d}/Bild{at % 3}_Segmentierung.png"] = encode(mask)
    found = inspect_source(MemoryMembers(files), nest_keys({**MASKS, "groups.group": "{folder}"}))
    assert found.questions == ()
    assert found.read["annotations"] == "Patient {folder}/Bild{stem}_Segmentierung.png"


def test_folders_are_holes_for_all_extensions() -> None:
    """One patient has the only PNG picture: the folder is no literal name, and patients are asked about."""
    files = {}
    for at in range(12):
        scene = SCENES[at % len(SCENES)]
        picture = scene.png() if at == 7 else scene.jpg()
        files[f"Patient{at // 3}/Bilder/Bild {at % 3}.{'png' if at == 7 else 'jpg'}"] = picture
        files[f"Patient{at // 3}/Masken/Bild {at % 3}.png"] = encode(union(scene))
    found = inspect_source(MemoryMembers(files), nest_keys(MASKS))
    assert found.read["images"] == ("{folder}/Bilder/{stem}.jpg", "{folder}/Bilder/{stem}.png")
    assert "groups.group" in {one.key for one in found.questions}


def test_splits_with_pictures_of_other_extensions_are_splits() -> None:
    """A split that holds PNG pictures only is read as a split."""
    files = {}
    for at in range(12):
        scene, split = SCENES[at % len(SCENES)], "val" if at > 8 else "train"
        files[f"images/{split}/b{at}.{'png' if at > 8 else 'jpg'}"] = scene.png() if at > 8 else scene.jpg()
        files[f"masks/{split}/b{at}.png"] = encode(union(scene))
    found = inspect_source(MemoryMembers(files), nest_keys(MASKS))
    assert found.read["images"] == ("images/{split}/{stem}.jpg", "images/{split}/{stem}.png")
