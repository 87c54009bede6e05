"""Labels of volume masks: names in headers, names of files without their case, masks of several readers."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, inspect_source
from tests.members import MemoryMembers
from tests.transforms.sources.formats.test_volumes import SPACING, as_nrrd, body, liver, turned

nibabel = pytest.importorskip("nibabel")
pytest.importorskip("nrrd")

PLANES = {"slices.axis": "axial", "masks.object": "component", "intensity.window": "full"}


def inspected(files: Mapping[str, bytes], answers: Mapping[str, Any] = {}) -> Inspection:
    return inspect_source(MemoryMembers(files), nest_keys({**PLANES, **answers}))


def tumour() -> NDArray[np.uint8]:
    mask = np.zeros((40, 30, 12), np.uint8)
    mask[6:11, 5:8, 4:6] = 1
    return mask


def segmentation(values: NDArray[np.uint8], names: Mapping[int, str]) -> bytes:
    """A segmentation of 3D Slicer: segments by value, or by layer if the array has a first axis of layers."""
    data = as_nrrd(values[0] if values.ndim == 4 else values, SPACING)
    lines = ""
    for at, (number, name) in enumerate(names.items()):
        layer, value = (number, 1) if values.ndim == 4 else (0, number)
        lines += f"Segment{at}_Name:={name}\nSegment{at}_LabelValue:={value}\nSegment{at}_Layer:={layer}\n"
    header, packed = data.split(b"\n\n", 1)
    if values.ndim == 4:
        import gzip

        header = header.replace(b"dimension: 3", b"dimension: 4").replace(b"kinds: domain", b"kinds: list domain")
        header = header.replace(b"sizes: ", f"sizes: {len(values)} ".encode())
        header = header.replace(b"space directions: ", b"space directions: none ")
        packed = gzip.compress(values.tobytes("F"))
    return header + b"\n" + lines.encode() + b"\n" + packed


def test_segments_have_the_names_of_their_own_header() -> None:
    """3D Slicer numbers the segments of each file anew: 1 is the liver here and the tumour there."""
    files = {f"p{number}/CT.nrrd": as_nrrd(body(), SPACING) for number in (1, 2)}
    files["p1/S.seg.nrrd"] = segmentation(liver() + 2 * tumour(), {1: "Leber", 2: "Läsion groß"})
    files["p2/S.seg.nrrd"] = segmentation(2 * liver() + tumour(), {2: "Leber", 1: "Läsion groß"})
    found = inspected(files)
    assert dict(found.objects) == {"Leber": 12, "Läsion groß": 4}
    assert not found.questions and found.read["masks"]["label"] == "{segment}"


def test_layers_of_segments_may_overlap() -> None:
    """Segments that overlap are in layers of their own, all with the value 1."""
    layers = np.stack([liver(), np.maximum(liver(), tumour())])
    files = {"p/CT.nrrd": as_nrrd(body(), SPACING), "p/S.seg.nrrd": segmentation(layers, {0: "liver", 1: "both"})}
    assert dict(inspected(files).objects) == {"liver": 6, "both": 8}


@pytest.mark.parametrize(
    ("volume", "mask"),
    [
        ("{0}/{0}_IMG_CT.nii", "{0}/{0}_OAR_{1}.nii"),
        ("images/{0}_ct.nii", "labels/{0}_{1}.nii"),
        ("all/{0}-CT.nii", "all/{0}-{1}.nii"),
    ],
)
def test_a_label_holds_no_name_of_its_case(volume: str, mask: str) -> None:
    """A mask per organ, named after its case: the label is the organ's in all cases."""
    files: dict[str, bytes] = {}
    for case in ("case_01", "case_02"):
        files[volume.format(case)] = turned(body(), "RAS")
        files[mask.format(case, "Gl_Parotis")] = turned(liver(), "RAS")
        files[mask.format(case, "Brainstem")] = turned(tumour(), "RAS")
    found = inspected(files)
    assert sorted(re.sub("^OAR_", "", label) for label in found.objects) == ["Brainstem", "Gl_Parotis"]
    assert sorted(found.objects.values()) == [4, 12]


def test_masks_of_several_readers_are_no_labels() -> None:
    """QUBIQ has the masks of seven people; whose are read is asked."""
    files = {f"case0{n}/image.nii": turned(body(), "RAS") for n in (1, 2)}
    files |= {f"case0{n}/task01_seg0{r}.nii": turned(liver(), "RAS") for n in (1, 2) for r in (1, 2, 3)}
    found = inspected(files)
    assert [question.key for question in found.questions] == ["annotations", "masks.label"]
    answers = {"annotations": "{folder}/task01_seg02.nii", "masks.label": "growth"}
    assert dict(inspected(files, answers).objects) == {"growth": 12}


def test_patterns_name_a_folder_twice() -> None:
    """ACDC names files after their folder; frames differ by a number, and the whole series is no picture."""
    files = {}
    for patient in ("patient001", "patient002"):
        files[f"{patient}/{patient}_4d.nii"] = nibabel.Nifti1Image(np.stack([body()] * 3, -1), SPACING).to_bytes()
        for frame in ("frame01", "frame12"):
            files[f"{patient}/{patient}_{frame}.nii"] = turned(body(), "RAS")
            files[f"{patient}/{patient}_{frame}_gt.nii"] = turned(liver() * 2, "RAS")
    found = inspected(files, {"masks.values": {"2": "myocardium"}})
    assert found.read["images"] == "{folder}/{folder}_frame{nr:int}.nii"
    assert found.read["annotations"] == "{folder}/{folder}_frame{nr:int}_gt.nii"
    assert not found.questions and dict(found.objects) == {"myocardium": 24}
