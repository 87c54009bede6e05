"""Real samples of public data sets: what is read equals what independent code counted and measured."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.transforms.rasters.nifti import read_volume, take_plane
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.rasters.volumes import render_plane
from medmultipoints.transforms.regions.layers import find_layer_objects
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.reading.shapes import extent
from medmultipoints.transforms.sources.registry import find_format, read_pictures

SAMPLES = (
    "bccd-voc",
    "ct-brain-tumour",
    "ct-liver-dicom-seg",
    "four-pictures",
    "label-studio",
    "nuclei-instances",
    "sammed2d",
    "totalseg-nifti",
)
ANSWERS: Mapping[str, Mapping[str, Any]] = {"nuclei-instances": {"masks.label": "nucleus"}}


@pytest.fixture(scope="session")
def samples(real: Path) -> Path:
    """The folder of real samples; tests are skipped where it is absent."""
    if not (real / "samples").is_dir():
        pytest.skip("the real samples are not on this machine")
    return real / "samples"


def opened(samples: Path, name: str, tmp_path: Path) -> SourceFiles:
    return open_source(name, samples / name, tmp_path)


def inspected(samples: Path, name: str, tmp_path: Path, **stated: Any) -> Inspection:
    return inspect_source(opened(samples, name, tmp_path), nest_keys({**ANSWERS.get(name, {}), **stated}))


def truth(samples: Path, name: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((samples / "truth" / f"{name}.json").read_bytes())
    return held


@pytest.mark.parametrize("name", SAMPLES)
def test_counts_equal_the_truth(samples: Path, name: str, tmp_path: Path) -> None:
    """Objects per label as read are those that independent code counted."""
    assert truth(samples, name)["totals"]["objects"] == dict(inspected(samples, name, tmp_path).objects)


@pytest.mark.parametrize(
    "name", ["bccd-voc", "ct-brain-tumour", "ct-liver-dicom-seg", "totalseg-nifti", "four-pictures"]
)
def test_boxes_equal_the_truth(samples: Path, name: str, tmp_path: Path) -> None:
    """Boxes of every available picture equal the reference within 0.01 px."""
    files = opened(samples, name, tmp_path)
    found = inspect_source(files, nest_keys(ANSWERS.get(name, {})))
    held = truth(samples, name)
    expected = {picture_of(image): objects_of(entry) for image, entry in held["images"].items()}
    read = dict(boxes_by_picture(files, found))
    assert read
    for picture, boxes in read.items():
        assert boxes == pytest.approx(without_zero_extent(held, picture, expected[picture]), abs=0.01), picture


def test_the_proof_of_a_label_names_labels_as_a_build_reads_them(samples: Path, tmp_path: Path) -> None:
    recognition = inspected(samples, "sammed2d", tmp_path).recognition
    assert recognition is not None
    proof = next(proof.text for proof in recognition.proofs if proof.key == "masks.label")
    assert proof.startswith("a part of the mask's path: aorta, autochthon_left, autochthon_right, colon, ")


def picture_of(image: str) -> str:
    return f"axial:{int(image[1:])}" if image.startswith("z") else image


def objects_of(entry: Mapping[str, Any]) -> list[float]:
    rows = sorted((label, *one["box"]) for label, objects in entry["objects"].items() for one in objects)
    return [float(value) for row in rows for value in row[1:]]


def without_zero_extent(held: Mapping[str, Any], picture: str, numbers: list[float]) -> list[float]:
    """The reference keeps a box of zero extent as one pixel; the reader rejects it with a reason."""
    faults = [
        fault
        for fault in held["faults"]
        if isinstance(fault, dict) and fault.get("image", "") in (picture, picture.split(".")[0])
    ]
    for fault in faults:
        x, y = fault["source"][:2]
        at = next(at for at in range(0, len(numbers), 4) if numbers[at : at + 4] == [x - 1, y - 1, x, y])
        numbers = numbers[:at] + numbers[at + 4 :]
    return numbers


def boxes_by_picture(files: SourceFiles, found: Inspection) -> Iterator[tuple[str, list[float]]]:
    declaration = declare(found.used)
    for picture in read_pictures(declaration, files):
        if not isinstance(picture, AnnotatedPicture):
            continue
        rows = [(a.label, a.box or extent(a.polygons)) for a in picture.annotations]
        for layer in picture.layers:
            values = read_codes(layer, files.read)
            rows += [(region.label, region.box) for region in find_layer_objects(layer, values).objects]
        flat = sorted((label, box.x1, box.y1, box.x2, box.y2) for label, box in rows)
        name = picture.plane if picture.plane.startswith("axial") else picture.member.rpartition("/")[2]
        yield name, [float(value) for row in flat for value in row[1:]]


def test_a_liver_is_measured_under_its_mask(samples: Path, tmp_path: Path) -> None:
    """Picture and mask are aligned: soft tissue is under the mask, but not under a mirrored mask."""
    files = opened(samples, "totalseg-nifti", tmp_path)
    ct = read_volume(files.read("example_ct_sm.nii.gz"), "ct")
    masks = read_volume(files.read("example_seg_fast.nii.gz"), "masks")
    planes = [(take_plane(ct, "axial", at, "ct"), take_plane(masks, "axial", at, "masks") == 5) for at in range(30)]
    under = sum(float(picture[mask].sum()) for picture, mask in planes) / sum(int(mask.sum()) for _, mask in planes)
    mirrored = sum(float(picture[mask[:, ::-1]].sum()) for picture, mask in planes) / sum(
        int(mask.sum()) for _, mask in planes
    )
    assert under == pytest.approx(44.86, abs=0.1)
    assert mirrored < 0


def test_dicom_pictures_are_windowed_and_in_order(samples: Path, tmp_path: Path) -> None:
    """Slices are ordered by position even if their numbers decrease; the liver is gray in its window."""
    files = opened(samples, "ct-liver-dicom-seg", tmp_path)
    found = inspect_source(files, nest_keys({"intensity.window": {"centre": 40, "width": 400}}))
    declaration = declare(found.used)
    pictures = [p for p in find_format("dicom").read(declaration, files) if isinstance(p, AnnotatedPicture)]
    assert [picture.member for picture in pictures] == ["series/03.dcm", "series/02.dcm", "series/01.dcm"]
    picture = pictures[-1]
    pixels = render_plane(files.read, picture.member, picture.plane, picture.rendering)
    mask = read_codes(picture.layers[0], files.read) > 0
    assert pixels.shape == (512, 512, 3)
    assert pixels[mask].mean() == pytest.approx((33 + 160) / 400 * 255, abs=3)


def test_no_identity_is_passed_on(samples: Path, tmp_path: Path) -> None:
    """Groups of DICOM pictures are hashes; names, numbers and addresses of people are in no record."""
    for name in ("ct-liver-dicom-seg", "ct-brain-tumour", "label-studio"):
        files = opened(samples, name, tmp_path)
        declaration = declare(inspect_source(files, {}).used)
        text = repr(list(read_pictures(declaration, files)))
        assert "@" not in text
        assert "PatientID" not in text


def test_declarations_are_short(samples: Path, tmp_path: Path) -> None:
    """What is proposed for a real source fits on a screen."""
    from medmultipoints.transforms.sources.declaration.text import write_declaration

    for name in SAMPLES:
        found = inspected(samples, name, tmp_path)
        text = write_declaration({"name": name}, found.used)
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert len(lines) <= 25, name
